// A whole pass: rows dealt to shards, shards to threads, their sums added up.
#pragma once

#include <vector>

#include "kernels.hpp"

namespace throughtime {

template <typename T> const Kernels<T>& kernels_of(const InstructionSet& set);
template <> const Kernels<float>& kernels_of(const InstructionSet& set);
template <> const Kernels<double>& kernels_of(const InstructionSet& set);

// Multiplications of a forward pass, about.
template <typename T> double multiplications(const Call<T>& call);

// How many of the threads that may be used a call is worth.
template <typename T> int worthwhile(const Call<T>& call, int threads);

// The number of elements of the tape that a forward pass keeps for its backward pass, with the packed
// weights behind it or, where many calls share them, without.
template <typename T> int64_t tape_size(const InstructionSet& set, const Call<T>& call, bool with_packed);

// How many parts the units are in. Calls of one step may have others than longer ones.
template <typename T> int64_t parts(const InstructionSet& set, const Call<T>& call);

// The number of elements of packed weights for many calls of as many parts.
template <typename T> int64_t packed_size(const InstructionSet& set, const Call<T>& call);

// Those of the sums of weight gradients for many calls of any length; they begin as zeros.
template <typename T> int64_t sums_size(const InstructionSet& set, const Call<T>& call);

// Lays out the weights for many calls.
template <typename T> void pack_weights(const InstructionSet& set, const Call<T>& call, int threads);

// Gives the gradients of the weights that many backward passes have summed up.
template <typename T> void add_up(const InstructionSet& set, const Call<T>& call, int threads);

template <typename T> void run_forward(const InstructionSet& set, Call<T> call, int threads);

// Rolls back calls that follow each other, as one; their steps, inputs and tapes are given.
template <typename T>
void run_backward(const InstructionSet& set, Call<T> call, std::vector<Stretch<T>> stretches, int threads);

// A layer of several over one another, to be run again.
template <typename T> struct Layer {
    Call<T> call;                  // its form, packed weights, units and sums
    std::vector<const T*> stored;  // the states before the first step of each segment, [segments, rows,
                                   // hidden] each
    std::vector<T*> carried;       // dE/dS after the last step, replaced by that before the first,
                                   // [rows, hidden] each
};

// Segments of a sequence, and what is read of them.
template <typename T> struct Segments {
    std::vector<int64_t> steps;  // of each: all of one, or none
    const T* x;                  // [steps of all, rows, inputs]
    const T* dy;                 // by the outputs of the last layer, [steps of all, rows, hidden]
};

// Runs segments again, each from the states stored before it, and rolls each back at once, the last first.
// Nothing is kept but for one segment. All rows are valid at all steps.
template <typename T>
void run_again(const InstructionSet& set, std::vector<Layer<T>> layers, const Segments<T>& segments,
               int threads);

// Lets each thread multiply and add in registers, and gives floating-point operations a second. A million
// rounds take some milliseconds, beside which waking the threads is nothing.
template <typename T> double run_peak(const InstructionSet& set, int threads, int64_t rounds);

}  // namespace throughtime
