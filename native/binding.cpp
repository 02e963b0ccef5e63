// The border to Python: plans are made once for a cell, calls take raw pointers.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "pool.hpp"
#include "run.hpp"
#include "stepper.hpp"
#include "workspace.hpp"

namespace nb = nanobind;
using namespace throughtime;

namespace {

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

using Pointer = std::uintptr_t;
using Pointers = std::vector<Pointer>;

template <typename T> T* at(Pointer pointer) { return reinterpret_cast<T*>(pointer); }
template <typename T> std::vector<T*> each(const Pointers& pointers) {
    std::vector<T*> made;
    for (Pointer pointer : pointers) made.push_back(at<T>(pointer));
    return made;
}

const InstructionSet& named(const std::string& name) {
    for (const InstructionSet* set : {
#if defined(THROUGHTIME_X86)
             &avx512, &avx2,
#endif
             &portable})
        if (name == set->name) {
            if (!set->runs_here()) throw std::invalid_argument("this machine does not have " + name);
            return *set;
        }
    throw std::invalid_argument("no such instruction set: " + name);
}

std::vector<std::string> available() {
    std::vector<std::string> names;
#if defined(THROUGHTIME_X86)
    if (avx512.runs_here()) names.push_back(avx512.name);
    if (avx2.runs_here()) names.push_back(avx2.name);
#endif
    names.push_back(portable.name);
    return names;
}

// Sizes: steps, rows, inputs, hidden. Pointers: in the order of `Call`.
template <typename T>
Call<T> shape(const OwnedPlan& plan, const std::vector<int64_t>& sizes, bool states_only,
              Pointer lengths, bool reverse) {
    Call<T> call{};
    call.plan = &plan.plan;
    call.steps = sizes.at(0);
    call.rows = sizes.at(1);
    call.inputs = sizes.at(2);
    call.hidden = sizes.at(3);
    call.lengths = at<const int64_t>(lengths);
    call.reverse = reverse;
    call.states_only = states_only;
    return call;
}

template <typename T>
void forward(const std::string& set, const OwnedPlan& plan, const std::vector<int64_t>& sizes,
             bool states_only, Pointer lengths, bool reverse, int threads, bool wants_dx, const Pointers& in,
             const Pointers& units, const Pointers& start, const Pointers& out,
             const Pointers& final) {
    Call<T> call = shape<T>(plan, sizes, states_only, lengths, reverse);
    call.wants_dx = wants_dx;
    call.x = at<const T>(in.at(0));
    call.W = at<const T>(in.at(1));
    call.U = at<const T>(in.at(2));
    call.b = at<const T>(in.at(3));
    call.c = at<const T>(in.at(4));
    call.packed = at<T>(in.at(5));
    call.y = at<T>(out.at(0));
    call.tape = at<T>(out.at(1));
    const auto unit_list = each<const T>(units), start_list = each<const T>(start);
    const auto final_list = each<T>(final);
    call.units = unit_list.data();
    call.start = start_list.data();
    call.final = final_list.data();
    const InstructionSet& chosen = named(set);
    nb::gil_scoped_release release;
    run_forward(chosen, call, threads);
}

// Rolls back calls that follow each other, each (steps, inputs, tape, packed weights); mostly there is one.
// Where `sums` are given, what is to be known of the weights is added there.
template <typename T>
void backward(const std::string& set, const OwnedPlan& plan, const std::vector<int64_t>& sizes,
              bool states_only, Pointer lengths, bool reverse, int threads,
              const std::vector<std::tuple<int64_t, Pointer, Pointer, Pointer>>& calls, Pointer dy,
              int64_t dy_first, Pointer sums, const Pointers& units, const Pointers& start, const Pointers& dfinal, const Pointers& out,
              const Pointers& dunits, const Pointers& dstart) {
    Call<T> call = shape<T>(plan, sizes, states_only, lengths, reverse);
    std::vector<Stretch<T>> stretches;
    int64_t steps = 0;
    for (const auto& [length, x, tape, packed] : calls) {
        stretches.push_back({0, length, at<const T>(x), at<const T>(tape), at<T>(packed)});
        steps += length;
    }
    if (steps != call.steps) throw std::invalid_argument("the calls have other steps than are to be rolled back");
    call.dy = at<const T>(dy);
    call.dy_first = dy_first;
    call.sums = at<T>(sums);
    call.dx = at<T>(out.at(0));
    call.dW = at<T>(out.at(1));
    call.dU = at<T>(out.at(2));
    call.db = at<T>(out.at(3));
    call.dc = at<T>(out.at(4));
    const auto unit_list = each<const T>(units), start_list = each<const T>(start);
    const auto dfinal_list = each<const T>(dfinal);
    const auto dunit_list = each<T>(dunits), dstart_list = each<T>(dstart);
    call.units = unit_list.data();
    call.start = start_list.data();
    call.dfinal = dfinal_list.data();
    call.dunits = dunit_list.data();
    call.dstart = dstart_list.data();
    const InstructionSet& chosen = named(set);
    nb::gil_scoped_release release;
    run_backward(chosen, call, std::move(stretches), threads);
}

template <typename T> double peak(const std::string& set, int threads, int64_t rounds) {
    if (threads < 1 || rounds < 1)
        throw std::invalid_argument("one thread or more, and one round or more, are expected");
    const InstructionSet& chosen = named(set);
    nb::gil_scoped_release release;
    return run_peak<T>(chosen, threads, rounds) / 1e9;
}

template <typename T>
int64_t tape_elements(const std::string& set, const OwnedPlan& plan, const std::vector<int64_t>& sizes,
                      bool states_only) {
    return tape_size(named(set), shape<T>(plan, sizes, states_only, 0, false), true);
}

// Of the packed weights, and of the sums of their gradients, that many calls share.
template <typename T>
std::tuple<int64_t, int64_t> shared_elements(const std::string& set, const OwnedPlan& plan,
                                             const std::vector<int64_t>& sizes) {
    const Call<T> call = shape<T>(plan, sizes, false, 0, false);
    return {packed_size(named(set), call), sums_size(named(set), call)};
}

template <typename T>
void pack(const std::string& set, const OwnedPlan& plan, const std::vector<int64_t>& sizes, int threads,
          const Pointers& weights, Pointer packed) {
    Call<T> call = shape<T>(plan, sizes, false, 0, false);
    call.wants_dx = true;
    call.W = at<const T>(weights.at(0));
    call.U = at<const T>(weights.at(1));
    call.b = at<const T>(weights.at(2));
    call.c = at<const T>(weights.at(3));
    call.packed = at<T>(packed);
    const InstructionSet& chosen = named(set);
    nb::gil_scoped_release release;
    pack_weights(chosen, call, threads);
}

template <typename T>
void add_up_sums(const std::string& set, const OwnedPlan& plan, const std::vector<int64_t>& sizes, int threads,
                 Pointer sums, const Pointers& out, const Pointers& dunits) {
    Call<T> call = shape<T>(plan, sizes, false, 0, false);
    call.sums = at<T>(sums);
    call.dW = at<T>(out.at(0));
    call.dU = at<T>(out.at(1));
    call.db = at<T>(out.at(2));
    call.dc = at<T>(out.at(3));
    const auto dunit_list = each<T>(dunits);
    call.dunits = dunit_list.data();
    const InstructionSet& chosen = named(set);
    nb::gil_scoped_release release;
    add_up(chosen, call, threads);
}

// What a forward pass keeps for its backward pass: a tensor for whoever reads DLPack, in memory that is
// used again. It needs no Python object to be given back, so that any thread may do it.
struct Tape {
    struct Managed {  // DLManagedTensor of the DLPack specification
        nb::dlpack::dltensor tensor;
        void* context;
        void (*release)(Managed*);
    } managed;
    Workspace memory;
    int64_t elements, stride = 1;

    Tape(int64_t count, std::uint8_t width)
        : memory(std::size_t(count) * width), elements(count) {
        managed.tensor.data = memory.as<char>();
        managed.tensor.device = {nb::device::cpu::value, 0};
        managed.tensor.ndim = 1;
        managed.tensor.dtype = {std::uint8_t(nb::dlpack::dtype_code::Float), std::uint8_t(8 * width), 1};
        managed.tensor.shape = &elements;
        managed.tensor.strides = &stride;
        managed.context = this;
        managed.release = [](Managed* of) { delete static_cast<Tape*>(of->context); };
    }
    Tape(const Tape&) = delete;
};

// A tape of as many elements as are asked for, or of just as many as the call needs (0), with its weights
// packed behind it or without. A capsule.
template <typename T>
nb::object tape_for(const std::string& set, const OwnedPlan& plan, const std::vector<int64_t>& sizes,
                    bool states_only, int64_t elements, bool with_packed) {
    const int64_t needed = tape_size(named(set), shape<T>(plan, sizes, states_only, 0, false), with_packed);
    if (elements && elements < needed)
        throw std::invalid_argument("a tape of " + std::to_string(elements) + " elements for a call that needs " +
                                    std::to_string(needed));
    auto tape = std::make_unique<Tape>(elements ? elements : needed, std::uint8_t(sizeof(T)));
    PyObject* capsule = PyCapsule_New(&tape->managed, "dltensor", [](PyObject* of) {
        if (!PyCapsule_IsValid(of, "dltensor")) return;  // taken over by a tensor
        auto* managed = static_cast<Tape::Managed*>(PyCapsule_GetPointer(of, "dltensor"));
        managed->release(managed);
    });
    if (!capsule) throw nb::python_error();
    tape.release();
    return nb::steal(capsule);
}

// A stepper's layer: sizes are inputs and hidden; weights W, U, b, c.
template <typename T>
void add_layer(Stepper<T>& stepper, const OwnedPlan& plan, int64_t inputs, int64_t hidden,
               const Pointers& weights, const Pointers& units, const Pointers& states) {
    Call<T> call{};
    call.plan = &plan.plan;
    call.inputs = inputs;
    call.hidden = hidden;
    call.W = at<const T>(weights.at(0));
    call.U = at<const T>(weights.at(1));
    call.b = at<const T>(weights.at(2));
    call.c = at<const T>(weights.at(3));
    const auto unit_list = each<const T>(units);
    call.units = unit_list.data();
    stepper.add(call, each<T>(states));
}

// A short step keeps the GIL: getting it back from a busy thread may take milliseconds.
template <typename T> void step(Stepper<T>& stepper, Pointer x, Pointer y, int threads) {
    if (!stepper.is_long()) return stepper.step(at<const T>(x), at<T>(y), threads);
    nb::gil_scoped_release release;
    stepper.step(at<const T>(x), at<T>(y), threads);
}

template <typename T> void bind_stepper(nb::module_& module, const char* name) {
    nb::class_<Stepper<T>>(module, name)
        .def("__init__", [](Stepper<T>* self, const std::string& set, int64_t rows) {
            new (self) Stepper<T>(named(set), rows);
        })
        .def("add", add_layer<T>, nb::keep_alive<1, 2>())  // the plan is not copied
        .def("step", step<T>, nb::arg("x"), nb::arg("y"), nb::arg("threads") = 1)
        .def_prop_ro("is_worth_sharing", &Stepper<T>::is_worth_sharing);
}

}  // namespace

NB_MODULE(_native, module) {
    nb::set_leak_warnings(false);  // plans are kept for the life of the process
    nb::class_<OwnedProgram>(module, "Program")
        .def(nb::init<const Code&, std::vector<double>, int, const Pairs&, const Pairs&>());
    nb::class_<OwnedPlan>(module, "Plan")
        .def(nb::init<const OwnedProgram&, const OwnedProgram&, const std::vector<int>&, int, int, int,
                      int, int>());
    module.def("instruction_sets", available);
    module.def("forward_float32", forward<float>);
    module.def("forward_float64", forward<double>);
    module.def("backward_float32", backward<float>);
    module.def("backward_float64", backward<double>);
    module.def("tape_elements_float32", tape_elements<float>);
    module.def("tape_elements_float64", tape_elements<double>);
    module.def("shared_elements_float32", shared_elements<float>);
    module.def("shared_elements_float64", shared_elements<double>);
    module.def("pack_float32", pack<float>);
    module.def("pack_float64", pack<double>);
    module.def("add_up_float32", add_up_sums<float>);
    module.def("add_up_float64", add_up_sums<double>);
    module.def("tape_float32", tape_for<float>);
    module.def("tape_float64", tape_for<double>);
    bind_stepper<float>(module, "Stepper_float32");
    bind_stepper<double>(module, "Stepper_float64");
    module.def("peak_float32", peak<float>);  // (instruction set, threads, rounds) -> GFLOP/s
    module.def("peak_float64", peak<double>);
    module.def(
        "use_openmp",
        [](Pointer parallel, Pointer worker, Pointer workers) {
            use_openmp({reinterpret_cast<decltype(OpenMP::parallel)>(parallel),
                        reinterpret_cast<decltype(OpenMP::worker)>(worker),
                        reinterpret_cast<decltype(OpenMP::workers)>(workers)});
        },
        nb::arg("parallel"), nb::arg("worker") = 0, nb::arg("workers") = 0);
    module.def("kept_bytes", kept_bytes);
    module.def("release_workspaces", release_workspaces);
    module.def("poison_workspaces", poison_workspaces);
}
