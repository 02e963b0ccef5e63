// Plans as Python makes them: they own what a `Plan` points to.
#pragma once

#include <stdexcept>
#include <tuple>
#include <vector>

#include "call.hpp"

namespace throughtime {

using Pairs = std::vector<std::tuple<int, int>>;
using Code = std::vector<std::tuple<int, int, std::vector<int>, bool>>;

// A program as Python gives it: (operation, result, arguments, gives row values), the constants, the numbers of registers.
struct OwnedProgram {
    std::vector<Instruction> instructions;
    std::vector<double> constants;
    std::vector<Place> inputs, outputs;
    int temporaries;
    bool looks_at_rows = false;

    OwnedProgram(const Code& code, std::vector<double> with, int temporary_count, const Pairs& in,
                 const Pairs& out)
        : constants(std::move(with)), temporaries(temporary_count) {
        for (const auto& [plane, number] : in) inputs.push_back({Plane(plane), number});
        for (const auto& [plane, number] : out) outputs.push_back({Plane(plane), number});
        const int registers = int(inputs.size() + constants.size() + outputs.size()) + temporaries;
        for (const auto& [operation, result, arguments, gives_row] : code) {
            Instruction made{Operation(operation), result, {}, gives_row};
            looks_at_rows |= gives_row || made.operation >= Operation::mean;
            for (int i = 0; i < 3; ++i) made.arguments[i] = arguments[std::size_t(i) < arguments.size() ? i : 0];
            for (int used : {result, made.arguments[0], made.arguments[1], made.arguments[2]})
                if (used < 0 || used >= registers) throw std::invalid_argument("no such register");
            instructions.push_back(made);
        }
        if (registers > 256 || inputs.size() > 64 || outputs.size() > 64)
            throw std::invalid_argument("the program needs more registers or planes than there are");
    }
    Program view() const {
        return {instructions.data(),     constants.data(), int(instructions.size()),
                int(inputs.size()),      int(constants.size()), temporaries,
                int(outputs.size()),     looks_at_rows};
    }
};

struct OwnedPlan {
    OwnedProgram step, adjoint;
    std::vector<Gate> gates;
    Plan plan;

    OwnedPlan(const OwnedProgram& forward, const OwnedProgram& backward, const std::vector<int>& into,
              int input_gates, int states, int units, int kept, int kept_rows)
        : step(forward), adjoint(backward) {
        for (int gate : into) gates.push_back({gate});
        plan = {step.view(),          adjoint.view(),         step.inputs.data(), step.outputs.data(),
                adjoint.inputs.data(), adjoint.outputs.data(), gates.data(),       input_gates,
                int(gates.size()),    states,                 units,              kept,
                kept_rows};
    }
    OwnedPlan(const OwnedPlan&) = delete;
};

}  // namespace throughtime
