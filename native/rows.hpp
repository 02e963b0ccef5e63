// Operations on the rows of planes: means over the units, and what brings row values (registers of one
// number a row) together with planes. Included once for each instruction set, after product.hpp.

// Planes of rows that lie `row` numbers apart, the first `units` of which mean something.
struct Shape {
    int64_t rows, row, units;
};

// By quarters of the widest vector: the compiler would take the lanes one at a time.
template <typename T> inline T sum_of_lanes(Vector<T> value) {
    typedef T Quarter __attribute__((vector_size(16)));
    constexpr int quarters = vector_bytes / 16, lanes = 16 / int(sizeof(T));
    Quarter part[quarters];
    *reinterpret_cast<typename Of<T>::loose*>(part) = value;
    for (int half = quarters / 2; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) part[i] += part[i + half];
    T sum = part[0][0] + part[0][lanes / 2];
    if (lanes == 4) sum += part[0][1] + part[0][3];
    return sum;
}

// Which lanes are among the first `count`: what lies behind the units of a row may be anything.
template <typename T> inline Mask<T> first_lanes(int64_t count) {
    Mask<T> lane;
    for (int i = 0; i < width<T>; ++i) lane[i] = i;
    return lane < decltype(lane[0] + 0)(count);
}

// The sum over the units of a row of function(first unit of a vector).
template <typename T, typename F> inline T sum_of_row(int64_t units, Mask<T> last, F function) {
    Vector<T> sum[4] = {};
    int64_t j = 0;
    for (; j + 4 * width<T> <= units; j += 4 * width<T>)
        for (int s = 0; s < 4; ++s) sum[s] += function(j + s * width<T>);
    for (; j + width<T> <= units; j += width<T>) sum[0] += function(j);
    if (j < units) sum[1] += last ? function(j) : Vector<T>{};
    return sum_of_lanes<T>((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

// use(row, its mean of function(first unit of a vector))
template <typename T, typename F, typename Use>
inline void means(const Shape& planes, F function, Use use) {
    const Mask<T> last = first_lanes<T>(planes.units % width<T>);
    const T share = T(1) / T(planes.units);
    for (int64_t r = 0; r < planes.rows; ++r)
        use(r, share * sum_of_row<T>(planes.units, last, [&](int64_t j) {
                return function(r * planes.row + j);
            }));
}

// to = function(vector of the plane a, the row's value, place)
template <typename T, typename F>
inline void each_in_row(const Shape& planes, T* to, const T* values, F function) {
    for (int64_t r = 0; r < planes.rows; ++r) {
        const Vector<T> value = all(values[r]);
        for (int64_t i = r * planes.row; i < (r + 1) * planes.row; i += width<T>)
            store(to + i, function(i, value));
    }
}

template <typename T>
inline void execute_on_rows(const Instruction& instruction, const Shape& planes, T* const* registers) {
    using V = Vector<T>;
    T* to = registers[instruction.result];
    const T* a = registers[instruction.arguments[0]];
    const T* b = registers[instruction.arguments[1]];
    const T* c = registers[instruction.arguments[2]];
    const auto of_a = [&](int64_t i) { return load(a + i); };
    switch (instruction.operation) {
        case Operation::mean:
            return means<T>(planes, of_a, [&](int64_t r, T mean) { to[r] = mean; });
        case Operation::mean_product:
            return means<T>(
                planes, [&](int64_t i) { return load(a + i) * load(b + i); },
                [&](int64_t r, T mean) { to[r] = mean; });
        case Operation::centre:
            return means<T>(planes, of_a, [&](int64_t r, T mean) {
                for (int64_t i = r * planes.row; i < (r + 1) * planes.row; i += width<T>)
                    store(to + i, load(a + i) - all(mean));
            });
        case Operation::take:
            for (int64_t r = 0; r < planes.rows; ++r) to[r] = a[r * planes.row];
            return;
        case Operation::put:
            for (int64_t r = 0; r < planes.rows; ++r) to[r * planes.row] = a[r];
            return;
        case Operation::spread: return each_in_row(planes, to, a, [](int64_t, V x) { return x; });
        case Operation::add_row:
            return each_in_row(planes, to, b, [&](int64_t i, V x) { return load(a + i) + x; });
        case Operation::subtract_row:
            return each_in_row(planes, to, b, [&](int64_t i, V x) { return load(a + i) - x; });
        case Operation::multiply_row:
            return each_in_row(planes, to, b, [&](int64_t i, V x) { return load(a + i) * x; });
        case Operation::multiply_row_add:
            return each_in_row(planes, to, b, [&](int64_t i, V x) { return load(a + i) * x + load(c + i); });
        default: return;  // an elementwise operation
    }
}
