// One step a call: weights packed once, states that stay where they are, no memory asked for on the way.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "run.hpp"
#include "workspace.hpp"

namespace throughtime {

template <typename T> class Stepper {
public:
    Stepper(const InstructionSet& set, int64_t rows) : kernels_(kernels_of<T>(set)), rows_(rows) {}

    // Lays a layer over those that are there. Of the call, the plan, inputs, hidden and the weights are
    // read, the weights now and never again; `states`, [rows, hidden] each, belong to the caller and are
    // read and written at every step.
    void add(const Call<T>& layer, const std::vector<T*>& states);

    // Runs every layer for one step: x [rows, inputs of the first], y [rows, hidden of the last]. Refuses,
    // by an exception, to run in two threads at once.
    void step(const T* x, T* y, int threads);

    // Whether a step takes so long that other threads of Python should run meanwhile; and whether it is
    // worth sharing out.
    bool is_long() const { return multiplications_ > 1e5; }
    bool is_worth_sharing() const { return worth_sharing_; }

private:
    struct Layer {
        Call<T> call;
        int64_t shards, own;  // shards of rows; elements that each works in
        Workspace packed;
        std::vector<T> units, outputs;
        std::vector<const T*> unit, before;
        std::vector<T*> after;
        explicit Layer(std::size_t bytes) : packed(bytes) {}
    };
    void run(const Layer& layer, int shard) const;

    const Kernels<T>& kernels_;
    const int64_t rows_;
    std::vector<std::unique_ptr<Layer>> layers_;
    std::vector<int64_t> index_;  // of the rows: each stands where it is
    std::unique_ptr<Workspace> own_;
    int64_t own_elements_ = 0;
    double multiplications_ = 0;
    bool worth_sharing_ = false;
    std::atomic<bool> busy_{false};
};

}  // namespace throughtime
