// The border to Python: plans are made once for a cell, calls take raw pointers.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "plans.hpp"
#include "pool.hpp"
#include "run.hpp"
#include "stepper.hpp"
#include "tape.hpp"
#include "workspace.hpp"

namespace nb = nanobind;
using namespace throughtime;

namespace {

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
             const Pointers& units, const Pointers& start, const Pointers& out, const Pointers& final,
             int64_t every, const Pointers& stored) {
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
    const auto final_list = each<T>(final), stored_list = each<T>(stored);
    call.units = unit_list.data();
    call.start = start_list.data();
    call.final = final_list.data();
    call.every = every;
    if (every) call.stored = stored_list.data();
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

// A layer, for `again`: its plan, sizes, addresses of packed weights and sums, of units, of the states stored
// before each segment, and of dE/dS, which is replaced.
using LayerGiven = std::tuple<const OwnedPlan*, std::vector<int64_t>, Pointer, Pointer, Pointers, Pointers, Pointers>;

template <typename T>
void again(const std::string& set, const std::vector<LayerGiven>& given, bool states_only, int threads,
           const std::vector<int64_t>& steps, Pointer x, Pointer dy) {
    std::vector<Layer<T>> layers;
    std::vector<std::vector<const T*>> unit_lists;
    for (const auto& [plan, sizes, packed, sums, units, stored, carried] : given) {
        Call<T> call = shape<T>(*plan, sizes, states_only, 0, false);
        call.packed = at<T>(packed);
        call.sums = at<T>(sums);
        unit_lists.push_back(each<const T>(units));
        call.units = unit_lists.back().data();
        layers.push_back({call, each<const T>(stored), each<T>(carried)});
    }
    const InstructionSet& chosen = named(set);
    nb::gil_scoped_release release;
    run_again<T>(chosen, std::move(layers), {steps, at<const T>(x), at<const T>(dy)}, threads);
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

// Of the packed weights, and of the sums of their gradients, that many calls share; and the parts that the
// former are laid out in.
template <typename T>
std::tuple<int64_t, int64_t, int64_t> shared_elements(const std::string& set, const OwnedPlan& plan,
                                             const std::vector<int64_t>& sizes) {
    const Call<T> call = shape<T>(plan, sizes, false, 0, false);
    return {packed_size(named(set), call), sums_size(named(set), call), parts(named(set), call)};
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
    module.def("again_float32", again<float>);
    module.def("again_float64", again<double>);
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
