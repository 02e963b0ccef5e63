// Vectors of the instruction set that is being compiled for, and mathematics on them.
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
    typedef float loose __attribute__((vector_size(vector_bytes), aligned(4), may_alias));
};
template <> struct Of<double> {
    typedef double type __attribute__((vector_size(vector_bytes)));
    typedef int64_t mask __attribute__((vector_size(vector_bytes)));
    typedef double loose __attribute__((vector_size(vector_bytes), aligned(8), may_alias));
};
template <typename T> using Vector = typename Of<T>::type;
template <typename T> using Mask = typename Of<T>::mask;
template <typename T> constexpr int width = vector_bytes / int(sizeof(T));

template <typename T> inline Vector<T> load(const T* from) {
    return *reinterpret_cast<const typename Of<T>::loose*>(from);
}
template <typename T> inline void store(T* to, Vector<T> value) {
    *reinterpret_cast<typename Of<T>::loose*>(to) = value;
}
template <typename T> inline Vector<T> all(T value) { return Vector<T>{} + value; }

// exp(x) = 2^n exp(r), |r| <= log(2) / 2, the latter as its Taylor polynomial. Beyond the range of
// ordinary numbers the result is infinite or zero; NaN stays NaN.
inline Vector<float> exponential(Vector<float> x) {
    using V = Vector<float>;
    const V bounded = x > 88.72f ? all(88.72f) : (x < -87.33f ? all(-87.33f) : x);
    const V shift = all(12582912.0f);  // 1.5 * 2^23: rounds to an integer, kept in the low bits
    const V shifted = bounded * 1.44269504f + shift;
    const V n = shifted - shift;
    const V r = (bounded - n * 0.693359375f) - n * -2.12194440e-4f;
    V p = all(1.0f / 720);
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    // 2^n in two halves: n may be 128, for which there is no single power of two.
    const Mask<float> k = (Mask<float>)shifted - (Mask<float>)shift;
    const Mask<float> half = k >> 1;
    const V scaled = p * (V)((half + 127) << 23) * (V)((k - half + 127) << 23);
    return x > 88.72f ? all(__builtin_inff()) : (x < -87.33f ? V{} : scaled);
}

inline Vector<double> exponential(Vector<double> x) {
    using V = Vector<double>;
    const V bounded = x > 709.7 ? all(709.7) : (x < -708.3 ? all(-708.3) : x);
    const V shift = all(6755399441055744.0);  // 1.5 * 2^52
    const V shifted = bounded * 1.4426950408889634 + shift;
    const V n = shifted - shift;
    const V r = (bounded - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10;
    V p = all(1.0 / 6227020800);
    p = p * r + 1.0 / 479001600;
    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    const Mask<double> k = (Mask<double>)shifted - (Mask<double>)shift;
    const Mask<double> half = k >> 1;
    const V scaled = p * (V)((half + 1023) << 52) * (V)((k - half + 1023) << 52);
    return x > 709.7 ? all(__builtin_inf()) : (x < -708.3 ? V{} : scaled);
}

template <typename T> inline Vector<T> logistic(Vector<T> x) {
    return T(1) / (T(1) + exponential(-x));
}

// 1 - 2 / (exp(2x) + 1) away from zero; near it that cancels, and a Taylor polynomial does not.
inline Vector<float> hyperbolic_tangent(Vector<float> x) {
    using V = Vector<float>;
    const V far = 1.0f - 2.0f / (exponential(2.0f * x) + 1.0f);
    const V s = x * x;
    const V near = x * (1.0f + s * (-1.0f / 3 + s * (2.0f / 15 + s * (-17.0f / 315))));
    return (x < 0.2f) & (x > -0.2f) ? near : far;
}
inline Vector<double> hyperbolic_tangent(Vector<double> x) {
    return 1.0 - 2.0 / (exponential(2.0 * x) + 1.0);  // within 2e-16 of the truth
}

inline float scalar_log(float x) { return __builtin_logf(x); }
inline double scalar_log(double x) { return __builtin_log(x); }
inline float scalar_log1p(float x) { return __builtin_log1pf(x); }
inline double scalar_log1p(double x) { return __builtin_log1p(x); }
inline float scalar_power(float x, float y) { return __builtin_powf(x, y); }
inline double scalar_power(double x, double y) { return __builtin_pow(x, y); }
inline float scalar_sqrt(float x) { return __builtin_sqrtf(x); }
inline double scalar_sqrt(double x) { return __builtin_sqrt(x); }
