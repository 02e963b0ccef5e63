// A barrier for threads that meet after some microseconds of work, thousands of times in a pass.
#pragma once

#include <atomic>
#include <cstdint>

#include "team.hpp"

namespace throughtime {

// How often each of a crew has come. Everyone writes a line of the cache of its own, and reads those of
// the others: with so few threads nothing is faster than one write and one read.
struct Meeting {
    struct alignas(64) Line {
        std::atomic<std::uint64_t> came{0};
    };
    Line lines[most_parts];
};

}  // namespace throughtime
