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
    const Bits<float> k = (Bits<float>)shifted - (Bits<float>)shift;
    const Bits<float> half = (Bits<float>)((Mask<float>)k >> 1);
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
    const Bits<double> k = (Bits<double>)shifted - (Bits<double>)shift;
    const Bits<double> half = (Bits<double>)((Mask<double>)k >> 1);
    const V scaled = p * (V)((half + 1023) << 52) * (V)((k - half + 1023) << 52);
    return x > 709.7 ? all(__builtin_inf()) : (x < -708.3 ? V{} : scaled);
}

// 1 / (1 + exp(-x)), whose result beyond +-87 is 0 or 1 to all digits: the bounds of exp need no care.
inline Vector<float> logistic(Vector<float> x) {
    using V = Vector<float>;
    const V y = x < -87.0f ? all(87.0f) : (x > 87.0f ? all(-87.0f) : -x);
    const V shift = all(12582912.0f);
    const V shifted = y * 1.44269504f + shift;
    const V n = shifted - shift;
    const V r = (y - n * 0.693359375f) - n * -2.12194440e-4f;
    V p = all(1.0f / 720);
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    const Bits<float> k = (Bits<float>)shifted - (Bits<float>)shift;
    return 1.0f / (1.0f + (V)((Bits<float>)p + (k << 23)));
}
inline Vector<double> logistic(Vector<double> x) { return 1.0 / (1.0 + exponential(-x)); }

// x P(x^2) / Q(x^2), the quotient that is nearest to tanh relatively on [-9, 9], where tanh reaches 1
// to all digits of float (2e-8; found by reweighted least squares). Near zero, where the numbers of a
// network mostly are, x - x^3 D(x^2) / Q(x^2) with D = (Q - P) / x^2 rounds better: 1.2e-7 there, 3e-7
// elsewhere.
inline Vector<float> hyperbolic_tangent(Vector<float> x) {
    using V = Vector<float>;
    const V y = x > 9.0f ? all(9.0f) : (x < -9.0f ? all(-9.0f) : x);
    const V s = y * y;
    V p = all(1.335457792879547e-08f);
    p = p * s + 2.0609032748160295e-05f;
    p = p * s + 0.0034955857353796264f;
    p = p * s + 0.13381023871880882f;
    p = p * s + 0.9999999794790593f;
    V q = all(7.776527017222128e-07f);
    q = q * s + 0.000328563043923774f;
    q = q * s + 0.025876973851660247f;
    q = q * s + 0.46714339474421473f;
    q = q * s + 1.0f;
    V d = all(7.642981237934174e-07f);
    d = d * s + 0.0003079540111756137f;
    d = d * s + 0.02238138811628062f;
    d = d * s + 0.3333331560254059f;
    const Mask<float> near = s < 1.44f;
    const V quotient = y * (near ? s * d : p) / q;
    const V t = near ? y - quotient : quotient;
    return t > 1.0f ? all(1.0f) : (t < -1.0f ? all(-1.0f) : t);
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
