#include "meeting.hpp"

#include <chrono>
#include <thread>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace throughtime {
namespace {

using Clock = std::chrono::steady_clock;

// A thread that has lost its processor to somebody else needs another's, and gets it only from one that
// sleeps: where those who wait yield instead, a pass beside a busy process takes ten times as long. But
// whoever sleeps is late for the next meeting too. So patience is several times as long as a nap, which
// the system makes longer by some 50 microseconds, or each would sleep because the other did.
constexpr std::chrono::microseconds patience(400), nap(20);
constexpr int spins = 100;  // some microseconds; the clock is read after each of these

void wait_a_little() {
#if defined(__x86_64__) || defined(__i386__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

void wait_until(const std::atomic<std::uint64_t>& came, std::uint64_t times) {
    Clock::time_point first{};
    for (;;) {
        for (int spin = 0; spin < spins; ++spin) {
            if (came.load(std::memory_order_acquire) >= times) return;
            wait_a_little();
        }
        const Clock::time_point now = Clock::now();
        if (first == Clock::time_point{}) first = now;
        if (now - first > patience) std::this_thread::sleep_for(nap);
    }
}

}  // namespace

void Crew::meet() const {
    if (workers == 1) return;
    std::atomic<std::uint64_t>& mine = meeting->lines[worker].came;
    const std::uint64_t now = mine.load(std::memory_order_relaxed) + 1;
    mine.store(now, std::memory_order_release);
    for (int other = 0; other < workers; ++other)
        if (other != worker) wait_until(meeting->lines[other].came, now);
}

}  // namespace throughtime
