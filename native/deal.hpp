// Rows dealt out to shards, and shards or their parts to threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "kernels.hpp"
#include "meeting.hpp"
#include "pool.hpp"

namespace throughtime {

// Rows of several lengths are dealt out in turn, longest first: every shard gets its share of the long
// ones, and in every shard the rows that are valid at a step stand in front. Others stay together.
class Deal {
public:
    template <typename T> Deal(const Call<T>& call, int64_t shards) : shards_(shards), rows_(call.rows) {
        std::vector<int64_t> order(static_cast<std::size_t>(rows_));
        std::iota(order.begin(), order.end(), 0);
        if (call.lengths)
            std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
                return call.lengths[a] > call.lengths[b];
            });
        for (int64_t shard = 0; shard < shards; ++shard) {
            begins_.push_back(int64_t(index_.size()));
            if (!call.lengths) {
                for (int64_t i = 0, count = of(shard).count; i < count; ++i)
                    index_.push_back(int64_t(index_.size()));
                continue;
            }
            for (int64_t i = shard; i < rows_; i += shards) {
                index_.push_back(order[std::size_t(i)]);
                lengths_.push_back(call.lengths[order[std::size_t(i)]]);
            }
        }
    }
    ShardRows of(int64_t shard) const {
        const int64_t begin = begins_[std::size_t(shard)];
        return {index_.data() + begin, lengths_.empty() ? nullptr : lengths_.data() + begin,
                (rows_ - shard + shards_ - 1) / shards_};
    }

private:
    int64_t shards_, rows_;
    std::vector<int64_t> index_, lengths_, begins_;
};

// Runs every shard, its parts by a crew where it has several.
template <typename F> void run_shards(const Sizes& sizes, int threads, const F& run) {
    if (sizes.parts == 1) {
        share_out(int(sizes.shards), threads, [&](int shard) { run(shard, Crew()); });
        return;
    }
    Meeting meeting;
    together(std::min(threads, int(sizes.parts)),
             [&](int worker, int workers) { run(0, Crew{worker, workers, &meeting}); });
}

}  // namespace throughtime
