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
    int64_t shards;
    int64_t chunk;     // rows of steps worked on together

    explicit Layout(const Call<T>& of) : call(of), plan(*of.plan) {
        H = call.hidden;
        I = call.inputs;
        N = padded<T>(H);
        NI = padded<T>(I);
        // Rows that lie a large power of two apart share few sets of the cache.
        L = (N * int64_t(sizeof(T))) % 1024 == 0 ? N + width<T> : N;
        shards = shard_count(call.rows, H);
        chunk = H >= 256 ? 256 : 128;
    }
    int64_t rows_of(int64_t shard) const { return (call.rows - shard + shards - 1) / shards; }
    int64_t most_rows() const { return rows_of(0); }
    int64_t plane() const { return most_rows() * L; }
    int64_t chunk_rows() const { return chunk + most_rows(); }

    int64_t slot() const { return (plan.states + plan.kept) * plane(); }
    T* slot_of(int64_t shard, int64_t step) const {
        return call.tape + (shard * call.steps + step) * slot();
    }
    int64_t tape_size() const { return shards * call.steps * slot(); }

    // Packed weights and biases, shared by all shards.
    int64_t packed_W() const { return plan.input_gates * I * N; }
    int64_t packed_U() const { return plan.recurrent_gate_count * H * N; }
    int64_t biases() const { return (plan.input_gates + plan.recurrent_gate_count) * N; }
    int64_t shared_forward() const { return packed_W() + packed_U() + biases(); }
    int64_t shared_backward() const { return plan.input_gates * H * NI + packed_U(); }

    int64_t own_forward() const {
        return chunk_rows() * (NI + plan.input_gates * L) +
               plane() * (plan.recurrent_gate_count + plan.units + 3 * plan.states + plan.kept) +
               scratch_size<T>(plan.step);
    }
    // Sums of the weight gradients, transposed: units along the row.
    int64_t sums() const {
        return (plan.input_gates * (I + 1) + plan.recurrent_gate_count * (H + 1) + plan.units) * N;
    }
    int64_t own_backward() const {
        return sums() +
               chunk_rows() * (NI + H + NI +
                               (plan.input_gates + plan.recurrent_gate_count) * L) +
               plane() * (3 * plan.states + 2 * plan.units) + scratch_size<T>(plan.adjoint);
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
    const int64_t* lengths;  // of each row; null where all are valid at all steps
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

template <typename T> inline void copy_row(T* to, const T* from, int64_t count) {
    for (int64_t i = 0; i < count; ++i) to[i] = from[i];
}
template <typename T> inline void zero_row(T* to, int64_t count) {
    for (int64_t i = 0; i < count; ++i) to[i] = T(0);
}

constexpr int most_planes = 64;
