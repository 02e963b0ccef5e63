// A whole pass: rows dealt to shards, shards to threads, their sums added up.
#pragma once

#include "kernels.hpp"

namespace throughtime {

// The number of elements of the tape that a forward pass keeps for its backward pass, the packed weights
// behind it included.
template <typename T> int64_t tape_size(const InstructionSet& set, const Call<T>& call);

template <typename T> void run_forward(const InstructionSet& set, Call<T> call, int threads);

template <typename T> void run_backward(const InstructionSet& set, Call<T> call, int threads);

// Measures the multiply-adds that the threads can do in registers, in floating-point operations a second.
template <typename T> double run_peak(const InstructionSet& set, int threads, double seconds);

}  // namespace throughtime
