// The weight gradients of the shards, and their sum. Included once for each instruction set, after
// layout.hpp.

// The sums of one shard, units along the row.
template <typename T> struct Sums {
    T *W, *U, *b, *c, *units;  // [gates][I][N], [gates][H][N], [gates][N], [gates][N], [units][N]
    Sums(const Layout<T>& layout, T* own) {
        Carver<T> carve{own};
        W = carve.take(layout.plan.input_gates * layout.I * layout.N);
        U = carve.take(layout.plan.recurrent_gate_count * layout.H * layout.N);
        b = carve.take(layout.plan.input_gates * layout.N);
        c = carve.take(layout.plan.recurrent_gate_count * layout.N);
        units = carve.take(layout.plan.units * layout.N);
    }
    void clear(const Layout<T>& layout, const Part& part) {
        for (int64_t i = 0; i < layout.sums(); i += layout.N) zero_row(W + i + part.first, part.columns);
    }
};

// Adds up rows into one.
template <typename T>
inline void add_rows(int64_t rows, int64_t columns, const T* from, int64_t row, T* to) {
    for (int64_t j = 0; j < columns; j += width<T>) {
        // Four sums are under way, by their names: numbered ones would be kept in memory.
        Vector<T> a = load(to + j), b{}, c{}, d{};
        const T* at = from + j;
        int64_t m = 0;
        for (; m + 4 <= rows; m += 4, at += 4 * row) {
            a += load(at);
            b += load(at + row);
            c += load(at + 2 * row);
            d += load(at + 3 * row);
        }
        for (; m < rows; ++m, at += row) (m % 4 == 0 ? a : m % 4 == 1 ? b : c) += load(at);
        store(to + j, (a + b) + (c + d));
    }
}

// Adds up the sums of shards, in their order, for one gate (input gates, then recurrent ones, then the
// learnable vectors), and turns them the way the weights lie.
template <typename T>
void reduce(const Layout<T>& layout, int64_t piece, T* from, int64_t shards) {
    const Call<T>& call = layout.call;
    const Plan& plan = layout.plan;
    const int64_t H = layout.H, N = layout.N;
    auto add_up = [&](int64_t offset, int64_t count, T* to, int64_t by_row, int64_t by_unit) {
        // A few rows at a time: what is turned is then written by more than single numbers.
        constexpr int few = 8;
        T turned[few][width<T>];
        for (int64_t some = 0; to && some < count; some += few) {
            const int many = count - some < few ? int(count - some) : few;
            for (int64_t j = 0; j < H; j += width<T>) {
                for (int i = 0; i < many; ++i) {
                    const T* at = from + offset + (some + i) * N + j;
                    Vector<T> sum = load(at);
                    for (int64_t s = 1; s < shards; ++s) sum += load(at + s * layout.sums());
                    store(turned[i], sum);
                }
                for (int64_t u = j; u < H && u < j + width<T>; ++u)
                    for (int i = 0; i < many; ++i)
                        to[(some + i) * by_row + u * by_unit] = turned[i][u - j];
            }
        }
    };
    const Sums<T> sums(layout, from);
    if (piece < plan.input_gates) {
        const int64_t g = piece, I = layout.I;
        add_up(sums.W - from + g * I * N, I, call.dW ? call.dW + g * H * I : nullptr, 1, I);
        add_up(sums.b - from + g * N, 1, call.db ? call.db + g * H : nullptr, 0, 1);
        return;
    }
    piece -= plan.input_gates;
    if (piece < plan.recurrent_gate_count) {
        const int64_t g = piece;
        add_up(sums.U - from + g * H * N, H, call.dU ? call.dU + g * H * H : nullptr, 1, H);
        const int64_t into = plan.recurrent_gates[g].into_input;
        const T* sum = into >= 0 ? sums.b + into * N : sums.c + g * N;
        add_up(sum - from, 1, call.dc ? call.dc + g * H : nullptr, 0, 1);
        return;
    }
    piece -= plan.recurrent_gate_count;
    add_up(sums.units - from + piece * N, 1, call.dunits[piece], 0, 1);
}
