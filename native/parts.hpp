// Parts of the units. A small batch gives one thread work at most, and the weights of a wide layer do not
// fit in its cache; so each thread of a crew takes some of the units through time, with their weights.
// Included once for each instruction set, after interpret.hpp.

// Whether a step works on each unit by itself, but for the products.
inline bool by_unit(const Plan&) { return true; }

// How many parts depends on the problem alone, never on the number of threads: the results are then the
// same, bit by bit, for any number of threads. From seven rows on, two shards of rows are faster: a tile
// has six. A part must have enough to do in a step that waiting for the others is little beside it.
inline int64_t part_count(const Plan& plan, int64_t rows, int64_t hidden) {
    if (rows > 6 || !by_unit(plan)) return 1;
    const int64_t step = plan.recurrent_gate_count * rows * hidden * hidden;  // multiplications
    int64_t parts = 1;
    while (parts < most_parts && hidden / (2 * parts) >= (parts == 1 ? 32 : 64) &&
           step / (2 * parts) >= 8192)
        parts *= 2;
    return parts;
}

struct Part {
    int64_t first, columns;  // of a plane: whole vectors
    int64_t units;           // those of the columns that are units
    bool all;
};

// Runs a program on a part of `n` rows: at once where it is all there is, since the rows then lie together.
template <typename T>
void interpret_part(const Program& program, const Part& part, int64_t n, int64_t row,
                    const T* const* inputs, T* const* outputs, T* scratch) {
    if (part.all) return interpret(program, n * row, inputs, outputs, scratch);
    const T* in[most_registers];
    T* out[most_registers];
    for (int64_t r = 0; r < n; ++r) {
        const int64_t at = r * row + part.first;
        for (int32_t i = 0; i < program.input_count; ++i) in[i] = inputs[i] + at;
        for (int32_t i = 0; i < program.output_count; ++i) out[i] = outputs[i] + at;
        interpret(program, part.columns, in, out, scratch);
    }
}
