// What each instruction set offers: the pieces of a forward and a backward pass, and its peak.
#pragma once

#include "call.hpp"
#include "team.hpp"

namespace throughtime {

// The rows of one shard: their places in the batch and their lengths, longest first.
struct ShardRows {
    const int64_t* index;
    const int64_t* lengths;
    int64_t count;
};

// Packed weights are the backward pass's, then the forward pass's. The tape of a call that has its own ends
// with them, without the latter unless it is to compute again.
struct Sizes {
    int64_t shards, parts, tape, packed, shared_backward, shared_forward, own_forward, own_backward;
    int64_t sums, most_shards;  // of a shard; of any number of steps
};

// Sizes are in elements of T.
template <typename T> struct Kernels {
    Sizes (*sizes)(const Call<T>&);
    void (*prepare_forward)(const Call<T>&, int64_t part, T* shared);
    void (*forward)(const Call<T>&, int64_t shard, ShardRows, Crew, T* shared, T* own);
    void (*prepare_backward)(const Call<T>&, int64_t part, T* shared);
    void (*backward)(const Call<T>&, int64_t shard, ShardRows, Crew, T* sums, T* own);
    void (*reduce)(const Call<T>&, int64_t piece, T* sums, int64_t shards);
    void (*multiply_add)(int64_t rounds);
    int64_t peak_operations;  // floating-point operations of a round
};

struct InstructionSet {
    const char* name;
    bool (*runs_here)();
    Kernels<float> f32;
    Kernels<double> f64;
};

extern const InstructionSet avx512, avx2, portable;

}  // namespace throughtime
