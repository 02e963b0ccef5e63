// Compiled once for each instruction set, with its flags and THROUGHTIME_SET as its name. Everything
// is in an unnamed namespace, and no inline function of the standard library is used: the linker must
// never be able to take one set's code for another's. Intrinsics are always inlined.
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "kernels.hpp"

namespace throughtime {
namespace {

#include "vector.hpp"
#include "functions.hpp"
#include "product.hpp"
#include "rows.hpp"
#include "interpret.hpp"
#include "parts.hpp"
#include "layout.hpp"
#include "forward.hpp"
#include "sums.hpp"
#include "backward.hpp"
#include "peak.hpp"

template <typename T> Sizes sizes(const Call<T>& call) {
    const Layout<T> layout(call);
    return {layout.shards,
            layout.parts,
            layout.tape_size(),
            layout.packed(),
            layout.shared_backward(),
            layout.shared_forward(),
            layout.own_forward(),
            layout.own_backward(),
            layout.sums(),
            shard_count(call.rows, call.hidden)};
}
template <typename T> void prepare_forward_of(const Call<T>& call, int64_t part, T* shared) {
    const Layout<T> layout(call);
    prepare_forward(layout, layout.part(part), shared);
}
template <typename T>
void forward_of(const Call<T>& call, int64_t shard, ShardRows rows, Crew crew, T* shared, T* own) {
    const Layout<T> layout(call);
    Forward<T>(layout, shard, {rows.index, rows.lengths, rows.count}, crew, shared, own).run();
}
template <typename T> void prepare_backward_of(const Call<T>& call, int64_t part, T* shared) {
    const Layout<T> layout(call);
    prepare_backward(layout, layout.part(part), shared);
}
template <typename T>
void backward_of(const Call<T>& call, int64_t shard, ShardRows rows, Crew crew, T* sums, T* own) {
    const Layout<T> layout(call);
    Backward<T>(layout, shard, {rows.index, rows.lengths, rows.count}, crew, sums, own).run();
}
template <typename T> void reduce_of(const Call<T>& call, int64_t piece, T* sums, int64_t shards) {
    const Layout<T> layout(call);
    reduce(layout, piece, sums, shards);
}
template <typename T> constexpr Kernels<T> kernels = {
    sizes<T>, prepare_forward_of<T>, forward_of<T>, prepare_backward_of<T>, backward_of<T>, reduce_of<T>,
    multiply_add<T>, peak_operations<T>,
};

bool runs_here() {
#if defined(__AVX512F__)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
#elif defined(__AVX2__)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return true;
#endif
}

#define THROUGHTIME_TEXT(name) #name
#define THROUGHTIME_NAME(name) THROUGHTIME_TEXT(name)

}  // namespace

extern const InstructionSet THROUGHTIME_SET;
const InstructionSet THROUGHTIME_SET = {
    THROUGHTIME_NAME(THROUGHTIME_SET), runs_here, kernels<float>, kernels<double>,
};

}  // namespace throughtime
