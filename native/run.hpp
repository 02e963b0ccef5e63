// A whole pass: rows dealt to shards, shards to threads, their sums added up.
#pragma once

#include "kernels.hpp"

namespace throughtime {

template <typename T> const Kernels<T>& kernels_of(const InstructionSet& set);
template <> const Kernels<float>& kernels_of(const InstructionSet& set);
template <> const Kernels<double>& kernels_of(const InstructionSet& set);

// Multiplications of a forward pass, about.
template <typename T> double multiplications(const Call<T>& call);

// How many of the threads that may be used a call is worth.
template <typename T> int worthwhile(const Call<T>& call, int threads);

// The number of elements of the tape that a forward pass keeps for its backward pass, the packed weights
// behind it included.
template <typename T> int64_t tape_size(const InstructionSet& set, const Call<T>& call);

template <typename T> void run_forward(const InstructionSet& set, Call<T> call, int threads);

template <typename T> void run_backward(const InstructionSet& set, Call<T> call, int threads);

// Lets each thread multiply and add in registers, and gives floating-point operations a second. A million
// rounds take some milliseconds, beside which waking the threads is nothing.
template <typename T> double run_peak(const InstructionSet& set, int threads, int64_t rounds);

}  // namespace throughtime
