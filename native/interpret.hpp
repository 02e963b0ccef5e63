// Elementwise programs, a switch over instructions and a vector loop in each.
// Included once for each instruction set, after rows.hpp.

// Elements worked on at a time: the registers of a program then stay in the first cache.
constexpr int64_t block = 512;

template <typename T, typename F>
inline void each(int64_t count, T* to, const T* a, F function) {
    for (int64_t i = 0; i < count; i += width<T>) store(to + i, function(load(a + i)));
}
template <typename T, typename F>
inline void each(int64_t count, T* to, const T* a, const T* b, F function) {
    for (int64_t i = 0; i < count; i += width<T>) store(to + i, function(load(a + i), load(b + i)));
}
template <typename T, typename F>
inline void each(int64_t count, T* to, const T* a, const T* b, const T* c, F function) {
    for (int64_t i = 0; i < count; i += width<T>)
        store(to + i, function(load(a + i), load(b + i), load(c + i)));
}
// A truth value is a vector whose lanes have all bits set or none.
template <typename T> inline Vector<T> truth(Mask<T> mask) { return (Vector<T>)mask; }

template <typename T>
inline void execute(const Instruction& instruction, int64_t count, T* const* registers) {
    using V = Vector<T>;
    T* to = registers[instruction.result];
    const T* a = registers[instruction.arguments[0]];
    const T* b = registers[instruction.arguments[1]];
    const T* c = registers[instruction.arguments[2]];
    switch (instruction.operation) {
        case Operation::add: return each(count, to, a, b, [](V x, V y) { return x + y; });
        case Operation::subtract: return each(count, to, a, b, [](V x, V y) { return x - y; });
        case Operation::multiply: return each(count, to, a, b, [](V x, V y) { return x * y; });
        case Operation::divide: return each(count, to, a, b, [](V x, V y) { return x / y; });
        case Operation::negate: return each(count, to, a, [](V x) { return -x; });
        case Operation::copy: return each(count, to, a, [](V x) { return x; });
        case Operation::sigmoid: return each(count, to, a, [](V x) { return logistic(x); });
        case Operation::tanh: return each(count, to, a, [](V x) { return hyperbolic_tangent(x); });
        case Operation::exp: return each(count, to, a, [](V x) { return exponential(x); });
        // Written so that NaN comes through, as in torch.
        case Operation::relu: return each(count, to, a, [](V x) { return x <= T(0) ? V{} : x; });
        case Operation::abs: return each(count, to, a, [](V x) { return x < T(0) ? -x : x; });
        case Operation::maximum:
            return each(count, to, a, b, [](V x, V y) { return (x > y) | (x != x) ? x : y; });
        case Operation::minimum:
            return each(count, to, a, b, [](V x, V y) { return (x < y) | (x != x) ? x : y; });
        case Operation::less: return each(count, to, a, b, [](V x, V y) { return truth<T>(x < y); });
        case Operation::less_equal:
            return each(count, to, a, b, [](V x, V y) { return truth<T>(x <= y); });
        case Operation::greater: return each(count, to, a, b, [](V x, V y) { return truth<T>(x > y); });
        case Operation::greater_equal:
            return each(count, to, a, b, [](V x, V y) { return truth<T>(x >= y); });
        case Operation::equal: return each(count, to, a, b, [](V x, V y) { return truth<T>(x == y); });
        case Operation::not_equal:
            return each(count, to, a, b, [](V x, V y) { return truth<T>(x != y); });
        case Operation::where:
            return each(count, to, a, b, c, [](V x, V y, V z) { return (Mask<T>)x != 0 ? y : z; });
        case Operation::multiply_add:
            return each(count, to, a, b, c, [](V x, V y, V z) { return x * y + z; });
        case Operation::logistic_slope:
            return each(count, to, a, b, [](V x, V y) { return x * (y * (T(1) - y)); });
        case Operation::tanh_slope:
            return each(count, to, a, b, [](V x, V y) { return x * (T(1) - y * y); });
        case Operation::log: return each(count, to, a, [](V x) { return logarithm(x); });
        case Operation::softplus: return each(count, to, a, [](V x) { return softplus(x); });
        case Operation::power: return power(count, to, a, b);
        case Operation::sqrt: return square_root(count, to, a);
        default: return;  // an operation on rows
    }
}

// Elements of a block and from one register to the next. A program that looks at rows works on as many
// whole ones as make a block, on one where a row is longer.
inline int64_t register_size(const Program& program, int64_t row) {
    return program.looks_at_rows && row > block ? row : block;
}
inline int64_t block_size(const Program& program, int64_t row) {
    if (!program.looks_at_rows) return block;
    return row > block ? row : block / row * row;
}

// Room for a program's constants and temporaries.
template <typename T> int64_t scratch_size(const Program& program, int64_t row) {
    return (program.constant_count + program.temporary_count) * register_size(program, row);
}
constexpr int most_registers = 256;

template <typename T> void fill_constants(const Program& program, int64_t row, T* scratch) {
    const int64_t size = register_size(program, row);
    for (int32_t i = 0; i < program.constant_count; ++i)
        for (int64_t j = 0; j < size; ++j) scratch[i * size + j] = T(program.constants[i]);
}

// Runs a program over planes. `inputs` and `outputs` are planes; an output may be the same plane as an
// input.
template <typename T>
void interpret(const Program& program, const Shape& planes, const T* const* inputs, T* const* outputs,
               T* scratch) {
    T* registers[most_registers];
    const int64_t apart = register_size(program, planes.row), most = block_size(program, planes.row);
    const int64_t count = planes.rows * planes.row;
    const int32_t first_output =
        program.input_count + program.constant_count + program.temporary_count;
    for (int32_t i = 0; i < program.constant_count + program.temporary_count; ++i)
        registers[program.input_count + i] = scratch + i * apart;
    for (int64_t at = 0; at < count; at += most) {
        const int64_t size = count - at < most ? count - at : most;
        for (int32_t i = 0; i < program.input_count; ++i)
            registers[i] = const_cast<T*>(inputs[i]) + at;
        for (int32_t i = 0; i < program.output_count; ++i)
            registers[first_output + i] = outputs[i] + at;
        if (!program.looks_at_rows) {
            for (int32_t i = 0; i < program.instruction_count; ++i)
                execute<T>(program.instructions[i], size, registers);
            continue;
        }
        const Shape rows{size / planes.row, planes.row, planes.units};
        for (int32_t i = 0; i < program.instruction_count; ++i) {
            const Instruction& instruction = program.instructions[i];
            if (instruction.operation >= Operation::mean)
                execute_on_rows<T>(instruction, rows, registers);
            else
                execute<T>(instruction, instruction.gives_row ? padded<T>(rows.rows) : size, registers);
        }
    }
}
