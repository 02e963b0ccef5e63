// What the processor could do at most: multiply-adds of registers with registers, of nothing else.
// Included once for each instruction set, after vector.hpp.

// Sums under way at once: more than the latency of a multiply-add times how many begin in a cycle, and
// no more than there are registers.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int peak_rows = 6, peak_vectors = 4;
#else
constexpr int peak_rows = 6, peak_vectors = 2;
#endif

// Keeps a register from being known to the compiler, which would else multiply once, before the loop, and
// only add in it.
template <typename V> inline void forget(V& value) {
#if defined(__AVX512F__)
    asm volatile("" : "+v"(value));
#elif defined(__x86_64__) || defined(__i386__)
    asm volatile("" : "+x"(value));
#elif defined(__aarch64__)
    asm volatile("" : "+w"(value));
#else
    asm volatile("" : "+m"(value));
#endif
}

template <typename T> constexpr int64_t peak_operations = 2 * peak_rows * peak_vectors * width<T>;

// Does `peak_operations` a round.
template <typename T> void multiply_add(int64_t rounds) {
    Vector<T> sum[peak_rows][peak_vectors] = {};
    Vector<T> a = all(T(1)), b[peak_vectors];
    for (int v = 0; v < peak_vectors; ++v) {
        b[v] = all(T(1));
        forget(b[v]);
    }
    for (int64_t round = 0; round < rounds; ++round)
        for (int r = 0; r < peak_rows; ++r) {
            forget(a);
            for (int v = 0; v < peak_vectors; ++v) sum[r][v] += a * b[v];
        }
    for (int r = 0; r < peak_rows; ++r)
        for (int v = 0; v < peak_vectors; ++v) forget(sum[r][v]);
}
