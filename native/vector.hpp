// Vectors of the instruction set that is being compiled for.
// Included once for each instruction set, inside a namespace of its own: nothing here may be shared
// between them, or the linker could pick a copy that the machine cannot run.

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX2__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif

template <typename T> struct Of;
template <> struct Of<float> {
    typedef float type __attribute__((vector_size(vector_bytes)));
    typedef int32_t mask __attribute__((vector_size(vector_bytes)));
    typedef uint32_t bits __attribute__((vector_size(vector_bytes)));
    typedef float loose __attribute__((vector_size(vector_bytes), aligned(4), may_alias));
};
template <> struct Of<double> {
    typedef double type __attribute__((vector_size(vector_bytes)));
    typedef int64_t mask __attribute__((vector_size(vector_bytes)));
    typedef uint64_t bits __attribute__((vector_size(vector_bytes)));
    typedef double loose __attribute__((vector_size(vector_bytes), aligned(8), may_alias));
};
template <typename T> using Vector = typename Of<T>::type;
template <typename T> using Mask = typename Of<T>::mask;
template <typename T> using Bits = typename Of<T>::bits;  // NaN's may overflow, which only these may
template <typename T> constexpr int width = vector_bytes / int(sizeof(T));

template <typename T> inline Vector<T> load(const T* from) {
    return *reinterpret_cast<const typename Of<T>::loose*>(from);
}
template <typename T> inline void store(T* to, Vector<T> value) {
    *reinterpret_cast<typename Of<T>::loose*>(to) = value;
}
// Not value + 0: that is another number where value is -0, and would really be added.
template <typename T> inline Vector<T> all(T value) { return value - Vector<T>{}; }


// The smaller and the larger of a number and a bound; NaN stays NaN. One instruction each, which
// compilers find by themselves but for the widest vectors.
template <typename T> inline Vector<T> at_most(T bound, Vector<T> x) {
    const Vector<T> most = all(bound);
    return most < x ? most : x;
}
template <typename T> inline Vector<T> at_least(T bound, Vector<T> x) {
    const Vector<T> least = all(bound);
    return least > x ? least : x;
}
#if defined(__AVX512F__)
template <> inline Vector<float> at_most(float bound, Vector<float> x) {
    return _mm512_min_ps(all(bound), x);
}
template <> inline Vector<float> at_least(float bound, Vector<float> x) {
    return _mm512_max_ps(all(bound), x);
}
template <> inline Vector<double> at_most(double bound, Vector<double> x) {
    return _mm512_min_pd(all(bound), x);
}
template <> inline Vector<double> at_least(double bound, Vector<double> x) {
    return _mm512_max_pd(all(bound), x);
}
#endif

// a / b, for b that neither is zero or infinite nor has such a reciprocal: to the last digit but one.
// An estimate of 14 bits and a step of Newton's take less than a division.
inline Vector<float> quotient_of(Vector<float> a, Vector<float> b) {
#if defined(__AVX512F__)
    const Vector<float> reciprocal = _mm512_rcp14_ps(b), first = a * reciprocal;
    return first + reciprocal * (a - b * first);
#else
    return a / b;
#endif
}

// How a number is made of bits: those of the fraction, the exponent's bias.
template <typename T> constexpr int fraction = sizeof(T) == 4 ? 23 : 52;
template <typename T> constexpr int bias = sizeof(T) == 4 ? 127 : 1023;
// 1.5 * 2^fraction: rounds what is added to it to an integer, kept in the low bits.
template <typename T> constexpr T shift = sizeof(T) == 4 ? T(12582912) : T(6755399441055744);
