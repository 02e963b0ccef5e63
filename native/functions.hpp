// Mathematics on vectors, to about the last digit. Results too small for an ordinary number are zero.
// Included once for each instruction set, after vector.hpp.

// The polynomial nearest to exp relatively on +-log(2) / 2 (1e-7 and 4e-18; found by reweighted least
// squares), its first two coefficients 1: exp(0) is exactly 1.
inline Vector<float> exponential_near_zero(Vector<float> r) {
    Vector<float> p = all(0.00831250984398f);
    p = p * r + 0.041890343795f;
    p = p * r + 0.166671153333f;
    p = p * r + 0.499992301925f;
    p = p * r + 1.0f;
    return p * r + 1.0f;
}
inline Vector<double> exponential_near_zero(Vector<double> r) {
    Vector<double> p = all(2.5000034752758573686e-8);
    p = p * r + 2.7630308321561176672e-7;
    p = p * r + 2.7557586764996134672e-6;
    p = p * r + 0.000024801492943438840069;
    p = p * r + 0.00019841269505799510705;
    p = p * r + 0.0013888888943766369543;
    p = p * r + 0.0083333333334949775088;
    p = p * r + 0.041666666666529702119;
    p = p * r + 0.16666666666666411478;
    p = p * r + 0.5000000000000010672;
    p = p * r + 1.0;
    return p * r + 1.0;
}

// log(2) in two parts, the first of so few digits that its product with an exponent is exact.
template <typename T> constexpr T log_2_high = sizeof(T) == 4 ? T(0.693359375) : T(0.693147180369123816490);
template <typename T>
constexpr T log_2_low = sizeof(T) == 4 ? T(-2.12194440e-4) : T(1.90821492927058770002e-10);

// exp(x) = 2^n exp(r), |r| <= log(2) / 2, for x whose result is an ordinary number.
template <typename T> inline Vector<T> bounded_exponential(Vector<T> x) {
    using V = Vector<T>;
    const V shifted = x * T(1.4426950408889634) + shift<T>;
    const V n = shifted - shift<T>;
    const V p = exponential_near_zero((x - n * log_2_high<T>) - n * log_2_low<T>);
    // Adding n to p's exponent is enough even where n is one too large for a power of two: p is then
    // below 1.
    const Bits<T> k = (Bits<T>)shifted - (Bits<T>)all(shift<T>);
    return (V)((Bits<T>)p + (k << fraction<T>));
}

// Beyond the range of ordinary numbers the result is infinite or zero; NaN stays NaN.
template <typename T> inline Vector<T> exponential_of(Vector<T> x) {
    constexpr T most = sizeof(T) == 4 ? T(88.72) : T(709.7), least = sizeof(T) == 4 ? T(-87.33) : T(-708.3);
    const Vector<T> found = bounded_exponential<T>(at_least(least, at_most(most, x)));
    return x > most ? all(T(__builtin_inff())) : (x < least ? Vector<T>{} : found);
}
inline Vector<float> exponential(Vector<float> x) { return exponential_of<float>(x); }
inline Vector<double> exponential(Vector<double> x) { return exponential_of<double>(x); }

// 1 / (1 + exp(-x)), whose result beyond +-87 is 0 or 1 to all digits: the bounds of exp need no care.
inline Vector<float> logistic(Vector<float> x) {
    const Vector<float> y = -at_least(-87.0f, at_most(87.0f, x));
    const Vector<float> found = quotient_of(all(1.0f), 1.0f + bounded_exponential<float>(y));
    return x < -87.0f ? Vector<float>{} : found;  // what is left there would count beside huge numbers
}
inline Vector<double> logistic(Vector<double> x) {
    const Vector<double> y = -at_least(-708.0, at_most(708.0, x));
    return x < -708.0 ? Vector<double>{} : 1.0 / (1.0 + bounded_exponential<double>(y));
}

// x P(x^2) / Q(x^2), the quotient that is nearest to tanh relatively on [-9, 9], where tanh reaches 1
// to all digits of float (2e-8; found by reweighted least squares). Near zero, where the numbers of a
// network mostly are, x - x^3 D(x^2) / Q(x^2) with D = (Q - P) / x^2 rounds better: 1.4e-7 there,
// 3.4e-7 elsewhere.
inline Vector<float> hyperbolic_tangent(Vector<float> x) {
    using V = Vector<float>;
    const V y = at_least(-9.0f, at_most(9.0f, x));
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
    const V quotient = quotient_of(y * (near ? s * d : p), q);
    const V t = near ? y - quotient : quotient;
    return at_least(-1.0f, at_most(1.0f, t));
}
inline Vector<double> hyperbolic_tangent(Vector<double> x) {
    return 1.0 - 2.0 / (exponential(2.0 * x) + 1.0);  // within 2e-16 of the truth
}

// log(1 + f) + e log(2), for 1 + f between sqrt(1/2) and sqrt(2). That of float is Cephes' polynomial,
// that of double the series in f / (2 + f) of Sun's fdlibm.
inline Vector<float> log_near_one(Vector<float> f, Vector<float> e) {
    const Vector<float> square = f * f;
    Vector<float> p = all(7.0376836292e-2f);
    p = p * f + -1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f + -1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f + -1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f + -2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    const Vector<float> rest = square * (p * f - 0.5f) + e * log_2_low<float>;
    return e * log_2_high<float> + (f + rest);
}
inline Vector<double> log_near_one(Vector<double> f, Vector<double> e) {
    const Vector<double> s = f / (2.0 + f), z = s * s, half = 0.5 * f * f;
    Vector<double> p = all(1.479819860511658591e-01);
    p = p * z + 1.531383769920937332e-01;
    p = p * z + 1.818357216161805012e-01;
    p = p * z + 2.222219843214978396e-01;
    p = p * z + 2.857142874366239149e-01;
    p = p * z + 3.999999999940941908e-01;
    p = p * z + 6.666666666666735130e-01;
    return e * log_2_high<double> - ((half - (s * (half + p * z) + e * log_2_low<double>)) - f);
}

// Zero for what is below ordinary numbers, too.
template <typename T> inline Vector<T> logarithm_of(Vector<T> x) {
    using V = Vector<T>;
    // x = 2^e m with m between sqrt(1/2) and sqrt(2): the exponent counts from sqrt(1/2) on.
    const Bits<T> from = (Bits<T>)all(T(0.70710678118654752));
    const Bits<T> e = (Bits<T>)((Mask<T>)((Bits<T>)x - from) >> fraction<T>);
    const V m = (V)((Bits<T>)x - (e << fraction<T>));
    const V exponent = (V)((Bits<T>)all(shift<T>) + e) - shift<T>;
    const V found = log_near_one(m - T(1), exponent);
    constexpr T least = sizeof(T) == 4 ? T(1.17549435e-38) : T(2.2250738585072014e-308);
    const V infinite = all(T(__builtin_inff()));
    const V small = x > -least ? -infinite : all(T(__builtin_nanf("")));
    return x < least ? small : (x < infinite ? found : x);
}
inline Vector<float> logarithm(Vector<float> x) { return logarithm_of<float>(x); }
inline Vector<double> logarithm(Vector<double> x) { return logarithm_of<double>(x); }

// log(1 + exp(x)) = max(x, 0) + log(1 + t) with t = exp(-|x|) <= 1, which does not overflow. f is t
// itself where that is small: where exp(x) is tiny, the result is as exact as that.
template <typename T> inline Vector<T> softplus_of(Vector<T> x) {
    using V = Vector<T>;
    const V t = exponential(x > T(0) ? -x : x);
    const Mask<T> large = t > T(0.41421356237309505);
    const V f = large ? T(0.5) * (t - T(1)) : t;
    const V e = large ? all(T(1)) : V{};
    return (x > T(0) ? x : V{}) + log_near_one(f, e);
}
inline Vector<float> softplus(Vector<float> x) { return softplus_of<float>(x); }
inline Vector<double> softplus(Vector<double> x) { return softplus_of<double>(x); }

// The library's, one at a time: exp(y log(x)) loses as many digits as y log(x) has before the point,
// and in double precision there is nothing wider to compute it in. Half as an exponent is a root, the
// compiler of programs sees to that.
inline void power(int64_t count, float* to, const float* x, const float* y) {
    for (int64_t i = 0; i < count; ++i) to[i] = __builtin_powf(x[i], y[i]);
}
inline void power(int64_t count, double* to, const double* x, const double* y) {
    for (int64_t i = 0; i < count; ++i) to[i] = __builtin_pow(x[i], y[i]);
}

// The compiler makes vectors of this loop.
inline void square_root(int64_t count, float* to, const float* x) {
    for (int64_t i = 0; i < count; ++i) to[i] = __builtin_sqrtf(x[i]);
}
inline void square_root(int64_t count, double* to, const double* x) {
    for (int64_t i = 0; i < count; ++i) to[i] = __builtin_sqrt(x[i]);
}
