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

// The left side: matrices [M, K] that stand beside one another (the gates of a sum), rows `apart`
// numbers from each other. A turned one lies as [K, M], its columns apart.
template <typename T> struct Left {
    const T* const* A;
    int64_t count, K, apart;
};

// The right side, of a plain left one: panels of `tile_columns` columns, as `pack` lays them. Of a
// turned one: planes as wide as those of the result, rows `apart`.
template <typename T> struct Right {
    const T* packed;
    const T* const* plane;
    int64_t apart;
};

// Columns that lie in planes (the gates of a cell), each `columns` wide, in whole vectors.
template <typename T> struct Planes {
    T* const* plane;
    int64_t count, columns, apart;
    // What the sums in each plane begin with: rows `begin_apart` (0 for a bias), or zeros if null.
    const T* const* begin;
    const int64_t* begin_apart;
};

// Columns of the result that make a tile, each vector at an address of its own.
template <typename T> struct Tiles {
    T* to[tile_vectors];
    const T* begin[tile_vectors];
    int64_t begin_apart[tile_vectors], apart;
};

// Keeps the compiler from computing an address anew from others, which runs it out of registers.
template <typename T> inline void opaque(T*& pointer) { asm("" : "+r"(pointer)); }

// The number at `rows` rows of `row` bytes from an address.
template <typename T> inline T far(const char* from, int64_t row, int rows) {
    return *reinterpret_cast<const T*>(from + rows * row);
}

// R rows by V vectors of a sum of products. S sums are under way for each element: few rows by few
// vectors would wait for each other.
template <typename T, int R, int V, int S> struct Sum {
    Vector<T> sum[S][R][V];

    inline void of_rows(const Left<T>& left, int64_t first_row, const T* B) {
        const int64_t row = left.apart * int64_t(sizeof(T));
        for (int64_t one = 0; one < left.count; ++one) {
            const char* A[(R + 2) / 3];  // every third row's
            for (int i = 0; i < (R + 2) / 3; ++i) {
                A[i] = reinterpret_cast<const char*>(left.A[one] + (first_row + 3 * i) * left.apart);
                opaque(A[i]);
            }
            auto add = [&](int s) {
                Vector<T> b[V];
                for (int v = 0; v < V; ++v) b[v] = load(B + v * width<T>);
                for (int r = 0; r < R; ++r) {
                    const Vector<T> a = all(far<T>(A[r / 3], row, r % 3));
                    for (int v = 0; v < V; ++v) sum[s][r][v] += a * b[v];
                }
                B += V * width<T>;
                for (int i = 0; i < (R + 2) / 3; ++i) A[i] += sizeof(T);
            };
            int64_t k = 0;
            for (; S > 1 && k + S <= left.K; k += S)
                for (int s = 0; s < S; ++s) add(s);
            for (; k < left.K; ++k) add(0);
        }
    }

    inline void of_columns(const Left<T>& left, int64_t first_row, const T* const* B, int64_t apart) {
        const T* A = left.A[0] + first_row;
        const T* from[V];
        for (int v = 0; v < V; ++v) from[v] = B[v];
        auto add = [&](int s) {
            Vector<T> b[V];
            for (int v = 0; v < V; ++v) b[v] = load(from[v]);
            for (int r = 0; r < R; ++r) {
                const Vector<T> a = all(A[r]);
                for (int v = 0; v < V; ++v) sum[s][r][v] += a * b[v];
            }
            A += left.apart;
            for (int v = 0; v < V; ++v) from[v] += apart;
        };
        int64_t k = 0;
        for (; S > 1 && k + S <= left.K; k += S)
            for (int s = 0; s < S; ++s) add(s);
        for (; k < left.K; ++k) add(0);
    }

    inline void store_to(const Tiles<T>& C, int64_t first_row) {
        for (int v = 0; v < V; ++v) {
            T* to = C.to[v] + first_row * C.apart;
            const T* begin = C.begin[v] ? C.begin[v] + first_row * C.begin_apart[v] : nullptr;
            for (int r = 0; r < R; ++r) {
                for (int s = 1; s < S; ++s) sum[0][r][v] += sum[s][r][v];
                if (begin) sum[0][r][v] += load(begin + r * C.begin_apart[v]);
                store(to + r * C.apart, sum[0][r][v]);
            }
        }
    }
};

template <typename T, bool turned, int R, int V, int S>
inline void tile(const Left<T>& left, int64_t first_row, const T* const* B, int64_t b_apart,
                 const Tiles<T>& C) {
    Sum<T, R, V, S> sums{};
    if (turned) sums.of_columns(left, first_row, B, b_apart);
    else sums.of_rows(left, first_row, B[0]);
    sums.store_to(C, first_row);
}

template <typename T, bool turned, int V>
inline void rows_of_tiles(int64_t M, const Left<T>& left, const T* const* B, int64_t b_apart,
                          const Tiles<T>& C) {
    constexpr int most = 2 * V <= tile_vectors ? 2 * tile_rows : tile_rows;
    constexpr int alone = V >= 4 ? 1 : V >= 2 ? 2 : 4, few = V >= 2 ? 1 : 2;
    int64_t m = 0;
    if (most > tile_rows)
        for (; m + most <= M; m += most) tile<T, turned, most, V, 1>(left, m, B, b_apart, C);
    for (; m + tile_rows <= M; m += tile_rows)
        tile<T, turned, tile_rows, V, 1>(left, m, B, b_apart, C);
    switch (M - m) {
        case 5: tile<T, turned, 5, V, 1>(left, m, B, b_apart, C); break;
        case 4: tile<T, turned, 4, V, 1>(left, m, B, b_apart, C); break;
        case 3: tile<T, turned, 3, V, few>(left, m, B, b_apart, C); break;
        case 2: tile<T, turned, 2, V, few>(left, m, B, b_apart, C); break;
        case 1: tile<T, turned, 1, V, alone>(left, m, B, b_apart, C); break;
        default: break;
    }
}

// C[M, planes] = begin + A B.
template <typename T, bool turned>
void product(int64_t M, const Left<T>& left, const Right<T>& right, const Planes<T>& C) {
    if (M == 0) return;
    const int64_t vectors = C.count * (C.columns / width<T>);
    int64_t plane = 0, column = 0;
    for (int64_t v = 0; v < vectors; v += tile_vectors) {
        const int many = vectors - v < tile_vectors ? int(vectors - v) : tile_vectors;
        const T* B[tile_vectors];
        if (!turned) B[0] = right.packed + v * width<T> * left.count * left.K;
        Tiles<T> tiles;
        tiles.apart = C.apart;
        for (int i = 0; i < many; ++i) {
            if (turned) B[i] = right.plane[plane] + column;
            tiles.to[i] = C.plane[plane] + column;
            tiles.begin[i] = C.begin ? C.begin[plane] + column : nullptr;
            tiles.begin_apart[i] = C.begin_apart ? C.begin_apart[plane] : C.apart;
            column += width<T>;
            if (column == C.columns) {
                column = 0;
                ++plane;
            }
        }
        switch (many) {
#if defined(__AVX512F__)
            case 4: rows_of_tiles<T, turned, 4>(M, left, B, right.apart, tiles); break;
            case 3: rows_of_tiles<T, turned, 3>(M, left, B, right.apart, tiles); break;
#endif
            case 2: rows_of_tiles<T, turned, 2>(M, left, B, right.apart, tiles); break;
            case 1: rows_of_tiles<T, turned, 1>(M, left, B, right.apart, tiles); break;
            default: break;
        }
    }
}

// A matrix as it lies before it is packed: [parts, K] rows by [planes, N] columns.
template <typename T> struct Unpacked {
    const T* from;
    int64_t parts, part, K, row, planes, plane, N, column;
};

// Lays a matrix into panels, the columns of each plane filled up with zeros.
template <typename T> void pack(const Unpacked<T>& B, T* to) {
    const int64_t columns = padded<T>(B.N), vectors = B.planes * (columns / width<T>);
    for (int64_t v = 0; v < vectors; v += tile_vectors) {
        const int64_t many = vectors - v < tile_vectors ? vectors - v : tile_vectors;
        for (int64_t i = 0; i < many; ++i) {
            const int64_t plane = (v + i) * width<T> / columns, n = (v + i) * width<T> % columns;
            const int64_t real = B.N - n < width<T> ? B.N - n : width<T>;
            T* at = to + i * width<T>;
            for (int64_t p = 0; p < B.parts; ++p)
                for (int64_t k = 0; k < B.K; ++k, at += many * width<T>) {
                    const T* from = B.from + p * B.part + k * B.row + plane * B.plane + n * B.column;
                    for (int64_t j = 0; j < real; ++j) at[j] = from[j * B.column];
                    for (int64_t j = real; j < width<T>; ++j) at[j] = T(0);
                }
        }
        to += B.parts * B.K * many * width<T>;
    }
}
