#include "stepper.hpp"

#include <numeric>
#include <stdexcept>

#include "pool.hpp"

namespace throughtime {

template <typename T>
void Stepper<T>::add(const Call<T>& given, const std::vector<T*>& states) {
    const Plan& plan = *given.plan;
    if (int64_t(states.size()) != plan.states) throw std::invalid_argument("one pointer a state");
    if (!layers_.empty() && layers_.back()->call.hidden != given.inputs)
        throw std::invalid_argument("a layer reads the outputs of the one below");
    Call<T> call = given;
    call.steps = 1;
    call.rows = rows_;
    const Sizes sizes = kernels_.sizes(call);
    auto layer = std::make_unique<Layer>(std::size_t(sizes.shared_forward) * sizeof(T));
    for (int64_t part = 0; part < sizes.parts; ++part)
        kernels_.prepare_forward(call, part, layer->packed.template as<T>());
    layer->shards = sizes.shards;
    layer->own = sizes.own_forward;
    for (int64_t u = 0; u < plan.units; ++u)
        layer->units.insert(layer->units.end(), call.units[u], call.units[u] + call.hidden);
    for (int64_t u = 0; u < plan.units; ++u)
        layer->unit.push_back(layer->units.data() + u * call.hidden);
    layer->outputs.resize(std::size_t(rows_ * call.hidden));
    layer->before.assign(states.begin(), states.end());
    layer->after = states;
    call.W = call.U = call.b = call.c = nullptr;
    call.units = layer->unit.data();
    call.start = layer->before.data();  // a shard has read its rows before it writes them
    call.final = layer->after.data();
    layer->call = call;

    index_.resize(std::size_t(rows_));
    std::iota(index_.begin(), index_.end(), 0);
    if (layer->shards * layer->own > own_elements_) {
        own_elements_ = layer->shards * layer->own;
        own_.reset();
        own_ = std::make_unique<Workspace>(std::size_t(own_elements_) * sizeof(T));
    }
    multiplications_ += multiplications(call);
    worth_sharing_ = worth_sharing_ || worthwhile(call, 2) > 1;
    layers_.push_back(std::move(layer));
}

template <typename T> void Stepper<T>::run(const Layer& layer, int shard) const {
    // Rows are dealt out as evenly as can be, the first shards get those that are left over.
    const int64_t count = rows_ / layer.shards, over = rows_ % layer.shards;
    const int64_t begin = shard * count + (shard < over ? shard : over);
    kernels_.forward(layer.call, shard, {index_.data() + begin, nullptr, count + (shard < over)},
                     Crew(), layer.packed.template as<T>(), own_->template as<T>() + shard * layer.own);
}

template <typename T> void Stepper<T>::step(const T* x, T* y, int threads) {
    if (busy_.exchange(true, std::memory_order_acquire))
        throw std::runtime_error("this stepper is at work in another thread; give each thread its own");
    struct Free {
        std::atomic<bool>& busy;
        ~Free() { busy.store(false, std::memory_order_release); }
    } const afterwards{busy_};
    for (std::unique_ptr<Layer>& each : layers_) {
        Layer& layer = *each;
        layer.call.x = x;
        layer.call.y = each == layers_.back() ? y : layer.outputs.data();
        x = layer.call.y;
        // Two words are captured: a function object of more would ask for memory.
        share_out(int(layer.shards), worthwhile(layer.call, threads),
                  [this, &layer](int shard) { run(layer, shard); });
    }
}

template class Stepper<float>;
template class Stepper<double>;

}  // namespace throughtime
