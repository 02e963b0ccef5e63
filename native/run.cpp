#include "run.hpp"

#include <chrono>

#include "deal.hpp"
#include "pool.hpp"
#include "workspace.hpp"

namespace throughtime {

template <> const Kernels<float>& kernels_of(const InstructionSet& set) { return set.f32; }
template <> const Kernels<double>& kernels_of(const InstructionSet& set) { return set.f64; }

namespace {

// Below this many multiplications a second thread costs more to wake than it saves.
constexpr double worth_sharing = 1e6;

}  // namespace

template <typename T> double multiplications(const Call<T>& call) {
    const Plan& plan = *call.plan;
    const double gates = double(plan.input_gates * call.inputs + plan.recurrent_gate_count * call.hidden +
                                4 * (plan.step.instruction_count));
    return double(call.steps) * double(call.rows) * double(call.hidden) * gates;
}

template <typename T> int worthwhile(const Call<T>& call, int threads) {
    return multiplications(call) < worth_sharing ? 1 : threads;
}

template <typename T> int64_t tape_size(const InstructionSet& set, const Call<T>& call, bool with_packed) {
    const Sizes sizes = kernels_of<T>(set).sizes(call);
    return sizes.tape + (with_packed ? sizes.packed : 0);
}

template <typename T> int64_t parts(const InstructionSet& set, const Call<T>& call) {
    return kernels_of<T>(set).sizes(call).parts;
}

template <typename T> int64_t packed_size(const InstructionSet& set, const Call<T>& call) {
    const Sizes sizes = kernels_of<T>(set).sizes(call);
    return sizes.shared_backward + sizes.shared_forward;
}

template <typename T> int64_t sums_size(const InstructionSet& set, const Call<T>& call) {
    const Sizes sizes = kernels_of<T>(set).sizes(call);
    return sizes.sums * sizes.most_shards;
}

template <typename T> void pack_weights(const InstructionSet& set, const Call<T>& call, int threads) {
    const Kernels<T>& kernels = kernels_of<T>(set);
    const Sizes sizes = kernels.sizes(call);
    share_out(int(sizes.parts), threads, [&](int part) {
        kernels.prepare_backward(call, part, call.packed);
        kernels.prepare_forward(call, part, call.packed + sizes.shared_backward);
    });
}

template <typename T> void add_up(const InstructionSet& set, const Call<T>& call, int threads) {
    const Kernels<T>& kernels = kernels_of<T>(set);
    const Plan& plan = *call.plan;
    const int64_t shards = kernels.sizes(call).most_shards;
    share_out(plan.input_gates + plan.recurrent_gate_count + plan.units, threads,
              [&](int piece) { kernels.reduce(call, piece, call.sums, shards); });
}

template <typename T> void run_forward(const InstructionSet& set, Call<T> call, int threads) {
    const Kernels<T>& kernels = kernels_of<T>(set);
    const Sizes sizes = kernels.sizes(call);
    const int used = worthwhile(call, threads);
    const bool prepared = call.packed;
    if (call.tape && !prepared) call.packed = call.tape + sizes.tape;
    const Deal deal(call, sizes.shards);
    const bool on_tape = prepared || (call.tape && sizes.packed > sizes.shared_backward);
    const Workspace fresh(on_tape ? 0 : std::size_t(sizes.shared_forward) * sizeof(T));
    T* const shared = on_tape ? call.packed + sizes.shared_backward : fresh.as<T>();
    const Workspace own(std::size_t(sizes.own_forward * sizes.shards) * sizeof(T));
    if (!prepared)
        share_out(int(sizes.parts), used, [&](int part) {
            if (call.tape) kernels.prepare_backward(call, part, call.packed);
            kernels.prepare_forward(call, part, shared);
        });
    run_shards(sizes, used, [&](int shard, Crew crew) {
        kernels.forward(call, shard, deal.of(shard), crew, shared,
                        own.as<T>() + shard * sizes.own_forward);
    });
}

template <typename T>
void run_backward(const InstructionSet& set, Call<T> call, std::vector<Stretch<T>> stretches, int threads) {
    const Kernels<T>& kernels = kernels_of<T>(set);
    const Plan& plan = *call.plan;
    const Sizes sizes = kernels.sizes(call);
    int64_t first = 0;
    for (Stretch<T>& stretch : stretches) {
        Call<T> alone = call;
        alone.steps = stretch.steps;
        stretch.first = first;
        if (!stretch.packed) stretch.packed = const_cast<T*>(stretch.tape) + kernels.sizes(alone).tape;
        first += stretch.steps;
    }
    call.stretches = stretches.data();
    const Deal deal(call, sizes.shards);
    const Workspace own(std::size_t(sizes.own_backward * sizes.shards) * sizeof(T));
    const Workspace of_call(call.sums ? 0 : std::size_t(sizes.sums * sizes.shards) * sizeof(T));
    T* const sums = call.sums ? call.sums : of_call.as<T>();
    const int used = worthwhile(call, threads);
    run_shards(sizes, used, [&](int shard, Crew crew) {
        kernels.backward(call, shard, deal.of(shard), crew, sums + shard * sizes.sums,
                         own.as<T>() + shard * sizes.own_backward);
    });
    if (call.sums) return;
    const int pieces = plan.input_gates + plan.recurrent_gate_count + plan.units;
    share_out(pieces, used, [&](int piece) { kernels.reduce(call, piece, sums, sizes.shards); });
}

template <typename T> double run_peak(const InstructionSet& set, int threads, int64_t rounds) {
    using Clock = std::chrono::steady_clock;
    const Kernels<T>& kernels = kernels_of<T>(set);
    const auto before = Clock::now();
    share_out(threads, threads, [&](int) { kernels.multiply_add(rounds); });
    const std::chrono::duration<double> seconds = Clock::now() - before;
    return double(rounds) * double(kernels.peak_operations) * threads / seconds.count();
}

template double multiplications(const Call<float>&);
template double multiplications(const Call<double>&);
template int worthwhile(const Call<float>&, int);
template int worthwhile(const Call<double>&, int);
template int64_t tape_size(const InstructionSet&, const Call<float>&, bool);
template int64_t tape_size(const InstructionSet&, const Call<double>&, bool);
template int64_t parts(const InstructionSet&, const Call<float>&);
template int64_t parts(const InstructionSet&, const Call<double>&);
template int64_t packed_size(const InstructionSet&, const Call<float>&);
template int64_t packed_size(const InstructionSet&, const Call<double>&);
template int64_t sums_size(const InstructionSet&, const Call<float>&);
template int64_t sums_size(const InstructionSet&, const Call<double>&);
template void pack_weights(const InstructionSet&, const Call<float>&, int);
template void pack_weights(const InstructionSet&, const Call<double>&, int);
template void add_up(const InstructionSet&, const Call<float>&, int);
template void add_up(const InstructionSet&, const Call<double>&, int);
template void run_forward(const InstructionSet&, Call<float>, int);
template void run_forward(const InstructionSet&, Call<double>, int);
template void run_backward(const InstructionSet&, Call<float>, std::vector<Stretch<float>>, int);
template void run_backward(const InstructionSet&, Call<double>, std::vector<Stretch<double>>, int);
template double run_peak<float>(const InstructionSet&, int, int64_t);
template double run_peak<double>(const InstructionSet&, int, int64_t);

}  // namespace throughtime
