// Threads that take the units of a layer through time together, each its own parts of them.
#pragma once

namespace throughtime {

// As many threads as can ever be in a crew.
constexpr int most_parts = 8;

struct Meeting;  // where the threads of a crew wait for one another

// One of the threads that work on the same rows; alone, if nothing else is said. It must be known that
// the others are really there before any of them waits for them.
struct Crew {
    int worker = 0, workers = 1;
    Meeting* meeting = nullptr;

    // Goes on when all have come as often as this one; what they wrote before can then be read. Compiled
    // once, for any machine: it is no part of an instruction set.
    void meet() const;
};

}  // namespace throughtime
