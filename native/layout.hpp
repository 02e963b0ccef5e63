// How a call is laid out in memory: shards of rows, padded planes, the tape, the workspaces.
// Included once for each instruction set, after product.hpp.

// A shard is a block of batch rows that one thread takes through the whole sequence, forward or
// backward. How many there are depends on the problem alone, never on the number of threads: the sums
// over shards are then the same, bit by bit, for any number of threads.
// Wide networks get larger shards: their weights do not fit in the cache and are read once a shard.
inline int64_t shard_count(int64_t rows, int64_t hidden) {
    if (rows >= 64 && hidden >= 384) return rows / 32;
    if (rows >= 32) return rows / 16;
    if (rows >= 8 || (rows >= 4 && hidden >= 64)) return 2;
    return 1;
}

template <typename T> struct Layout {
    const Call<T>& call;
    const Plan& plan;
    int64_t H, I;      // units, inputs
    int64_t N, NI;     // the same in whole vectors
    int64_t L;         // from one row of a plane to the next
    int64_t parts;     // more than one where there is one shard only
    int64_t shards;
    int64_t chunk;     // rows of steps worked on together
    bool again;        // whether the backward pass computes again what could have been kept

    explicit Layout(const Call<T>& of) : call(of), plan(*of.plan) {
        H = call.hidden;
        I = call.inputs;
        N = padded<T>(H);
        NI = padded<T>(I);
        // Rows that lie a large power of two apart share few sets of the cache.
        L = (N * int64_t(sizeof(T))) % 1024 == 0 ? N + width<T> : N;
        parts = part_count(plan, call.steps, call.rows, H);
        shards = parts > 1 ? 1 : shard_count(call.rows, H);
        chunk = H >= 256 ? 256 : 128;
        again = call.states_only && plan.kept + plan.kept_rows > 0;
    }
    // Parts are whole lines of the cache, or two threads would write to the same one.
    Part between(int64_t one, int64_t other) const {
        constexpr int64_t line = 64 / int64_t(sizeof(T));
        const int64_t lines = (H + line - 1) / line;
        const int64_t first = lines * one / parts * line, end = lines * other / parts * line;
        return {first, (end < N ? end : N) - first, (end < H ? end : H) - first, other - one == parts};
    }
    Part part(int64_t number) const { return between(number, number + 1); }
    // Those of one thread of a crew, which lie together: as one, and one by one.
    int64_t first_part(int64_t worker, const Crew& crew) const { return parts * worker / crew.workers; }
    Part parts_of(const Crew& crew) const {
        return between(first_part(crew.worker, crew), first_part(crew.worker + 1, crew));
    }
    template <typename F> void each_part_of(const Crew& crew, F function) const {
        const int64_t end = first_part(crew.worker + 1, crew);
        for (int64_t p = first_part(crew.worker, crew); p < end; ++p) function(part(p));
    }
    int64_t rows_of(int64_t shard) const { return (call.rows - shard + shards - 1) / shards; }
    int64_t most_rows() const { return rows_of(0); }
    int64_t plane() const { return most_rows() * L; }
    int64_t chunk_rows() const { return chunk + most_rows(); }
    int64_t gates() const { return plan.input_gates + plan.recurrent_gate_count; }

    // Planes kept a step. Row values are columns of the last ones.
    int64_t kept() const { return plan.kept + (plan.kept_rows + L - 1) / L; }
    // Where a kept value or row value lies, from the first kept plane on.
    int64_t kept_at(Place place, int64_t apart) const {
        if (place.plane == Plane::kept) return place.number * apart;
        return (plan.kept + place.number / L) * apart + place.number % L;
    }

    int64_t slot() const { return (plan.states + (again ? 0 : kept())) * plane(); }
    T* slot_of(int64_t shard, int64_t step) const {
        return call.tape + (shard * call.steps + step) * slot();
    }
    int64_t tape_size() const { return shards * call.steps * slot(); }

    // Packed weights and biases, shared by all shards. Those of a part lie together.
    int64_t packed_W() const { return plan.input_gates * I * N; }
    int64_t packed_U() const { return plan.recurrent_gate_count * H * N; }
    int64_t biases() const { return gates() * N; }
    int64_t shared_forward() const { return packed_W() + packed_U() + biases(); }
    int64_t shared_backward() const { return plan.input_gates * H * NI + packed_U(); }
    // What the backward pass needs of the weights as they were.
    int64_t packed() const { return shared_backward() + (again ? shared_forward() : 0); }

    // What a shard works in: planes, and for every thread of its crew rows of its own.
    int64_t own_forward() const {
        return chunk_rows() * plan.input_gates * L +
               plane() * (plan.recurrent_gate_count + plan.units + 3 * plan.states + kept()) +
               parts * worker_forward();
    }
    int64_t worker_forward() const { return chunk_rows() * NI + scratch_size<T>(plan.step, L); }
    // Sums of the weight gradients, transposed: units along the row.
    int64_t sums() const {
        return (plan.input_gates * (I + 1) + plan.recurrent_gate_count * (H + 1) + plan.units) * N;
    }
    // Room for what is computed again: products, kept values, states that are known already.
    int64_t own_again() const {
        return chunk_rows() * (gates() + kept()) * L + plan.states * plane();
    }
    int64_t own_backward() const {
        return chunk_rows() * gates() * L + plane() * (3 * plan.states + 2 * plan.units) +
               (again ? own_again() : 0) + parts * worker_backward();
    }
    int64_t worker_backward() const {
        return padded<T>(chunk_rows() * (NI + H + NI)) + scratch_size<T>(plan.adjoint, L) +
               (again ? scratch_size<T>(plan.step, L) : 0);
    }
};

// Hands out pieces of a workspace.
template <typename T> struct Carver {
    T* at;
    T* take(int64_t size) {
        T* piece = at;
        at += size;
        return piece;
    }
};

// The rows of a shard, longest first, and how many of them are valid at a step.
struct Rows {
    const int64_t* index;    // of each row in the batch
    const int64_t* lengths;  // of each row; null where all are valid at all steps, and lie together
    int64_t count;
    int64_t active(int64_t step) const {
        if (!lengths) return count;
        int64_t low = 0, high = count;  // lengths[low - 1] > step >= lengths[high]
        while (low < high) {
            const int64_t middle = (low + high) / 2;
            if (lengths[middle] > step) low = middle + 1;
            else high = middle;
        }
        return low;
    }
};

template <typename T>
inline void copy_row(T* __restrict to, const T* __restrict from, int64_t count) {
    int64_t i = 0;
    for (; i + width<T> <= count; i += width<T>) store(to + i, load(from + i));
    for (; i < count; ++i) to[i] = from[i];
}
template <typename T> inline void zero_row(T* to, int64_t count) {
    for (int64_t i = 0; i < count; ++i) to[i] = T(0);
}

// Takes columns of the first `n` rows of a shard out of an array [rows of the batch, `width`], and the
// other way.
template <typename T>
inline void gather(const Rows& rows, int64_t n, int64_t columns, const T* from, int64_t width, T* to,
                   int64_t to_row) {
    if (!rows.lengths && to_row == width && columns == width) {
        copy_row(to, from + rows.index[0] * width, n * width);
        return;
    }
    for (int64_t r = 0; r < n; ++r) copy_row(to + r * to_row, from + rows.index[r] * width, columns);
}
template <typename T>
inline void scatter(const Rows& rows, int64_t n, int64_t columns, const T* from, int64_t from_row, T* to,
                    int64_t width) {
    if (!rows.lengths && from_row == width && columns == width) {
        copy_row(to + rows.index[0] * width, from, n * width);
        return;
    }
    for (int64_t r = 0; r < n; ++r) copy_row(to + rows.index[r] * width, from + r * from_row, columns);
}

// Asks for the first `count` numbers of planes that the step after this one reads or writes: the steps
// of a tape lie too far apart for the processor to see them coming. What is read goes to the second
// cache: the first is full.
template <bool write, typename T>
inline void fetch(const T* from, int64_t planes, int64_t plane, int64_t count) {
    constexpr int64_t line = 64 / int64_t(sizeof(T));
    for (int64_t p = 0; p < planes; ++p)
        for (int64_t i = 0; i < count; i += line)
            __builtin_prefetch(from + p * plane + i, write, write ? 3 : 2);
}

constexpr int most_planes = 64;

// Pointers to planes that lie `apart` from each other.
template <typename T> struct Apart {
    T* plane[most_planes];
    Apart(T* first, int64_t apart, int64_t count) {
        for (int64_t i = 0; i < count; ++i) plane[i] = first + i * apart;
    }
};
// No step from one row to the next: a bias.
constexpr int64_t same_row[most_planes] = {};
