// Matrix products on register tiles: 6 rows by 4 vectors of columns (2 without AVX-512), or 12 rows by
// fewer, so that enough sums are under way to hide how long each takes.
// Included once for each instruction set, after vector.hpp.

#if defined(__AVX512F__)
constexpr int tile_vectors = 4;
#else
constexpr int tile_vectors = 2;
#endif
constexpr int tile_rows = 6;
template <typename T> constexpr int tile_columns = tile_vectors * width<T>;

// Rounds a number of columns up to whole vectors.
template <typename T> constexpr int64_t padded(int64_t columns) {
    return (columns + width<T> - 1) / width<T> * width<T>;
}

enum class Begin { zero, add, bias };

// C[R, V vectors] = begin + A[R, K] B[K, V vectors].
template <typename T, int R, int V>
inline void tile(int64_t K, const T* A, int64_t a_row, int64_t a_column, const T* B, int64_t b_row,
                 T* C, int64_t c_row, Begin begin, const T* bias) {
    Vector<T> sum[R][V];
    for (int r = 0; r < R; ++r)
        for (int v = 0; v < V; ++v)
            sum[r][v] = begin == Begin::add    ? load(C + r * c_row + v * width<T>)
                        : begin == Begin::bias ? load(bias + v * width<T>)
                                               : Vector<T>{};
    for (int64_t k = 0; k < K; ++k) {
        Vector<T> b[V];
        for (int v = 0; v < V; ++v) b[v] = load(B + k * b_row + v * width<T>);
        for (int r = 0; r < R; ++r) {
            const Vector<T> a = all(A[r * a_row + k * a_column]);
            for (int v = 0; v < V; ++v) sum[r][v] += a * b[v];
        }
    }
    for (int r = 0; r < R; ++r)
        for (int v = 0; v < V; ++v) store(C + r * c_row + v * width<T>, sum[r][v]);
}

template <typename T, int V>
inline void rows_of_tiles(int64_t M, int64_t K, const T* A, int64_t a_row, int64_t a_column,
                          const T* B, int64_t b_row, T* C, int64_t c_row, Begin begin,
                          const T* bias) {
    int64_t m = 0;
    constexpr int most = 2 * V <= tile_vectors ? 2 * tile_rows : tile_rows;
    if (most > tile_rows)
        for (; m + most <= M; m += most)
            tile<T, most, V>(K, A + m * a_row, a_row, a_column, B, b_row, C + m * c_row, c_row, begin, bias);
    for (; m + tile_rows <= M; m += tile_rows)
        tile<T, tile_rows, V>(K, A + m * a_row, a_row, a_column, B, b_row, C + m * c_row, c_row, begin, bias);
    A += m * a_row;
    C += m * c_row;
    switch (M - m) {
        case 5: tile<T, 5, V>(K, A, a_row, a_column, B, b_row, C, c_row, begin, bias); break;
        case 4: tile<T, 4, V>(K, A, a_row, a_column, B, b_row, C, c_row, begin, bias); break;
        case 3: tile<T, 3, V>(K, A, a_row, a_column, B, b_row, C, c_row, begin, bias); break;
        case 2: tile<T, 2, V>(K, A, a_row, a_column, B, b_row, C, c_row, begin, bias); break;
        case 1: tile<T, 1, V>(K, A, a_row, a_column, B, b_row, C, c_row, begin, bias); break;
        default: break;
    }
}

// C[M, N] = begin + A[M, K] B[K, N]; N in whole vectors. A may be strided both ways. B lies in panels
// of `tile_columns` columns if `b_row` is 0 (see pack), else row by row.
template <typename T>
void product(int64_t M, int64_t N, int64_t K, const T* A, int64_t a_row, int64_t a_column, const T* B,
             int64_t b_row, T* C, int64_t c_row, Begin begin, const T* bias = nullptr) {
    if (M == 0) return;
    for (int64_t n = 0; n < N; n += tile_columns<T>) {
        const int64_t columns = N - n < tile_columns<T> ? N - n : tile_columns<T>;
        const T* panel = b_row ? B + n : B + n * K;
        const int64_t step = b_row ? b_row : columns;
        const T* from = begin == Begin::bias ? bias + n : nullptr;
        switch (columns / width<T>) {
#if defined(__AVX512F__)
            case 4: rows_of_tiles<T, 4>(M, K, A, a_row, a_column, panel, step, C + n, c_row, begin, from); break;
            case 3: rows_of_tiles<T, 3>(M, K, A, a_row, a_column, panel, step, C + n, c_row, begin, from); break;
#endif
            case 2: rows_of_tiles<T, 2>(M, K, A, a_row, a_column, panel, step, C + n, c_row, begin, from); break;
            case 1: rows_of_tiles<T, 1>(M, K, A, a_row, a_column, panel, step, C + n, c_row, begin, from); break;
            default: break;
        }
    }
}

// Lays B[K, N], found at from[k * k_step + n * n_step], into panels, columns filled up with zeros.
template <typename T>
void pack(int64_t K, int64_t N, const T* from, int64_t k_step, int64_t n_step, T* to) {
    const int64_t whole = padded<T>(N);
    for (int64_t n = 0; n < whole; n += tile_columns<T>) {
        const int64_t columns = whole - n < tile_columns<T> ? whole - n : tile_columns<T>;
        for (int64_t k = 0; k < K; ++k)
            for (int64_t j = 0; j < columns; ++j)
                *to++ = n + j < N ? from[k * k_step + (n + j) * n_step] : T(0);
    }
}
