// What crosses the border: a plan (a cell's two programs) and a call (sizes and raw pointers).
#pragma once

#include <cstdint>

namespace throughtime {

// Operations of the cells' programs, in the order of `engine/native_plan.py`.
enum class Operation : int32_t {
    add, subtract, multiply, divide, power, negate,
    sigmoid, tanh, relu, softplus, exp, log, sqrt, abs, maximum, minimum,
    less, less_equal, greater, greater_equal, equal, not_equal, where,
    copy,
    multiply_add,    // a b + c
    logistic_slope,  // a (b (1 - b))
    tanh_slope,      // a (1 - b b)
    // Of the rows of planes, and of row values: registers that hold one number a row.
    mean,            // of a plane
    mean_product,    // of the product of two planes
    centre,          // a plane less its mean
    take,            // row values out of a column
    put,             // into it
    spread,          // to a whole plane
    add_row, subtract_row, multiply_row,  // a plane and row values
    multiply_row_add,                     // a plane times row values, plus a plane
};

struct Instruction {
    Operation operation;
    int32_t result;        // a register
    int32_t arguments[3];  // registers; unused ones repeat the first
    int32_t gives_row;     // whether the result is row values
};

// Registers are numbered: inputs, then constants, then temporaries (slots that are used again).
// An output is one of these registers, or a plane that an instruction writes directly: registers from
// `first_output` on are the outputs' own planes.
struct Program {
    const Instruction* instructions;
    const double* constants;
    int32_t instruction_count;
    int32_t input_count;
    int32_t constant_count;
    int32_t temporary_count;
    int32_t output_count;
    int32_t looks_at_rows;  // whether there are row values: blocks are then whole rows
};

// Where an input or output plane of a program lies.
enum class Plane : int32_t {
    input_product,      // W x + b of a gate (plus U h + c where the program only uses the sum)
    recurrent_product,  // U h + c of a gate that is used apart
    state,              // before the step
    unit,               // a learnable vector
    kept,               // kept for the backward pass
    seed,               // the adjoint of a new state
    next_state,         // after the step
    d_input_product,
    d_recurrent_product,
    d_state,
    d_unit,
    kept_row,           // row values that are kept: a column of a plane that they share
};

struct Place {
    Plane plane;
    int32_t number;  // which gate, state, unit, kept value or row value
};

// A gate whose recurrent product is added into the plane of the input product has `into_input`.
struct Gate {
    int32_t into_input;  // the input gate whose plane it is added to, or -1
};

struct Plan {
    Program step;      // forward, with kept values
    Program adjoint;   // backward
    const Place* step_inputs;
    const Place* step_outputs;
    const Place* adjoint_inputs;
    const Place* adjoint_outputs;
    const Gate* recurrent_gates;
    int32_t input_gates;
    int32_t recurrent_gate_count;
    int32_t states;
    int32_t units;
    int32_t kept;       // planes kept a step
    int32_t kept_rows;  // and row values
};

// Steps that were run by one call: what its backward pass reads. Several that follow each other may be
// rolled back as one, each at the weights that it was run with.
template <typename T> struct Stretch {
    int64_t first, steps;
    const T* x;       // [steps, rows, inputs]
    const T* tape;
    T* packed;        // the weights as they were; null where they lie behind the tape
};

// All pointers are to contiguous arrays; null where there is nothing or nothing is wanted.
template <typename T>
struct Call {
    const Plan* plan;
    int64_t steps, rows, inputs, hidden;
    const int64_t* lengths;  // a row; null for all steps
    int32_t reverse;
    int32_t states_only;     // the tape keeps states; the rest is computed again
    const T* x;              // [steps, rows, inputs]
    const T* W;              // [input gates * hidden, inputs]
    const T* U;              // [recurrent gates * hidden, hidden]
    const T* b;
    const T* c;
    const T* const* units;   // [hidden] each
    const T* const* start;   // states before the first step, [rows, hidden] each
    // Results of the forward pass, null where not wanted.
    T* y;                    // [steps, rows, hidden]
    T* const* final;         // [rows, hidden] each
    int64_t every;           // after how many steps the states are stored, [steps / every, rows, hidden]
    T* const* stored;        // each; null for none. The order is that of running.
    T* tape;                 // kept for the backward pass, tape_size(); null for inference
    T* packed;               // the weights as the backward pass reads them, then as the forward pass does,
                             // laid out by pack_weights() for many calls; null for one call: they then
                             // lie behind its tape, and a step of an optimiser between the passes
                             // changes nothing
    int32_t wants_dx;        // whether they are to serve the gradient of the inputs too
    // Backward pass; of the above it reads sizes, `units` and `start`.
    const Stretch<T>* stretches;
    const T* dy;             // [steps - dy_first, rows, hidden]
    int64_t dy_first;        // the steps before have no explicit part
    T* sums;                 // sums_size(), to which many calls add what add_up() gives as the gradients
                             // of the weights below; null for the gradients of one call
    const T* const* dfinal;  // [rows, hidden] each
    T* dx;
    T* dW;
    T* dU;
    T* db;
    T* dc;
    T* const* dunits;
    T* const* dstart;
};

}  // namespace throughtime
