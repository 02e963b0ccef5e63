#include "meeting.hpp"

#include <chrono>
#include <thread>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace throughtime {
namespace {

// Some ten microseconds: longer than the threads of a crew are apart while each has a processor. One that
// has lost its own to somebody else needs another's, and gets it only from one that sleeps: where threads
// yield instead, they keep their processors, and a pass takes several times as long.
constexpr int most_spins = 500;
constexpr std::chrono::microseconds nap(50);

void wait_a_little() {
#if defined(__x86_64__) || defined(__i386__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

}  // namespace

void Crew::meet() const {
    if (workers == 1) return;
    std::atomic<std::uint64_t>& mine = meeting->lines[worker].came;
    const std::uint64_t now = mine.load(std::memory_order_relaxed) + 1;
    mine.store(now, std::memory_order_release);
    for (int other = 0; other < workers; ++other) {
        const std::atomic<std::uint64_t>& theirs = meeting->lines[other].came;
        for (int spins = 0; theirs.load(std::memory_order_acquire) < now; ++spins) {
            if (spins < most_spins) wait_a_little();
            else std::this_thread::sleep_for(nap);
        }
    }
}

}  // namespace throughtime
