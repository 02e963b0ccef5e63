// Segments run again and rolled back at once, with nothing but arithmetic in between: what a processor has
// in its caches stays there.
#include <algorithm>
#include <memory>
#include <stdexcept>

#include "deal.hpp"
#include "run.hpp"
#include "workspace.hpp"

namespace throughtime {
namespace {

// A layer while one of its shards goes through the segments.
template <typename T> class Again {
public:
    Again(const Kernels<T>& kernels, Layer<T>& layer, int64_t longest, bool is_last)
        : kernels_(kernels), layer_(layer) {
        Call<T> call = layer.call;
        call.steps = longest;
        sizes = kernels.sizes(call);
        const std::size_t outputs = is_last ? 0 : std::size_t(longest * call.rows * call.hidden);
        tape_ = std::make_unique<Workspace>(std::size_t(sizes.tape) * sizeof(T));
        y_ = std::make_unique<Workspace>(outputs * sizeof(T));
        dy_ = std::make_unique<Workspace>(outputs * sizeof(T));
        own_forward_ = std::make_unique<Workspace>(std::size_t(sizes.shards * sizes.own_forward) * sizeof(T));
        own_backward_ = std::make_unique<Workspace>(std::size_t(sizes.shards * sizes.own_backward) * sizeof(T));
        nothing_.assign(layer.carried.size(), nullptr);
    }

    T* y() const { return y_->template as<T>(); }
    T* dy() const { return dy_->template as<T>(); }

    void forward(int64_t segment, int64_t steps, const T* x, bool writes, int shard, ShardRows rows,
                 Crew crew) const {
        Call<T> call = of(steps);
        std::vector<const T*> start;
        for (const T* stored : layer_.stored) start.push_back(stored + segment * call.rows * call.hidden);
        call.start = start.data();
        call.x = x;
        call.y = writes ? y() : nullptr;
        call.final = nothing_.data();
        call.tape = tape_->template as<T>();
        kernels_.forward(call, shard, rows, crew, call.packed + sizes.shared_backward,
                         own_forward_->template as<T>() + shard * sizes.own_forward);
    }

    void backward(int64_t segment, int64_t steps, const T* x, const T* dy, T* dx, int shard, ShardRows rows,
                  Crew crew) const {
        Call<T> call = of(steps);
        std::vector<const T*> start;
        for (const T* stored : layer_.stored) start.push_back(stored + segment * call.rows * call.hidden);
        const std::vector<const T*> after(layer_.carried.begin(), layer_.carried.end());
        const Stretch<T> stretch{0, steps, x, tape_->template as<T>(), call.packed};
        call.start = start.data();
        call.stretches = &stretch;
        call.dy = dy;
        call.dx = dx;
        call.dfinal = after.data();  // a shard has read its rows before it writes them
        call.dstart = layer_.carried.data();
        kernels_.backward(call, shard, rows, crew, call.sums + shard * sizes.sums,
                          own_backward_->template as<T>() + shard * sizes.own_backward);
    }

    Sizes sizes;

private:
    Call<T> of(int64_t steps) const {
        Call<T> call = layer_.call;
        call.steps = steps;
        return call;
    }

    const Kernels<T>& kernels_;
    Layer<T>& layer_;
    std::vector<T*> nothing_;
    std::unique_ptr<Workspace> tape_, y_, dy_, own_forward_, own_backward_;
};

}  // namespace

template <typename T>
void run_again(const InstructionSet& set, std::vector<Layer<T>> layers, const Segments<T>& segments,
               int threads) {
    const Kernels<T>& kernels = kernels_of<T>(set);
    const std::vector<int64_t>& steps = segments.steps;
    if (layers.empty() || steps.empty()) return;
    const int64_t longest = *std::max_element(steps.begin(), steps.end());
    if (longest > 1 && *std::min_element(steps.begin(), steps.end()) == 1)
        throw std::invalid_argument("segments of one step may be laid out otherwise than longer ones");
    std::vector<Again<T>> stack;
    for (Layer<T>& layer : layers) stack.emplace_back(kernels, layer, longest, &layer == &layers.back());
    const int top = int(layers.size()) - 1;
    Call<T> call = layers[0].call;
    call.steps = longest;
    const Deal deal(call, stack[0].sizes.shards);
    const int64_t inputs = call.rows * call.inputs, outputs = call.rows * call.hidden;
    run_shards(stack[0].sizes, worthwhile(call, threads), [&](int shard, Crew crew) {
        const ShardRows rows = deal.of(shard);
        int64_t first = 0;
        for (int64_t length : steps) first += length;
        for (int64_t segment = int64_t(steps.size()) - 1; segment >= 0; --segment) {
            const int64_t length = steps[std::size_t(segment)];
            first -= length;
            auto x = [&](int layer) {
                return layer ? stack[std::size_t(layer - 1)].y() : segments.x + first * inputs;
            };
            for (int layer = 0; layer <= top; ++layer)
                stack[std::size_t(layer)].forward(segment, length, x(layer), layer < top, shard, rows, crew);
            for (int layer = top; layer >= 0; --layer) {
                const Again<T>& one = stack[std::size_t(layer)];
                one.backward(segment, length, x(layer),
                             layer < top ? one.dy() : segments.dy + first * outputs,
                             layer ? stack[std::size_t(layer - 1)].dy() : nullptr, shard, rows, crew);
            }
        }
    });
}

template void run_again(const InstructionSet&, std::vector<Layer<float>>, const Segments<float>&, int);
template void run_again(const InstructionSet&, std::vector<Layer<double>>, const Segments<double>&, int);

}  // namespace throughtime
