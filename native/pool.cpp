#include "pool.hpp"

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace throughtime {
namespace {

// Vanishing gradients make denormal numbers, which slow arithmetic by more than ten times.
class FlushDenormals {
public:
#if defined(__x86_64__) || defined(__i386__)
    FlushDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }
    ~FlushDenormals() { _mm_setcsr(before_); }

private:
    unsigned before_;
#elif defined(__aarch64__)
    FlushDenormals() {
        asm volatile("mrs %0, fpcr" : "=r"(before_));
        asm volatile("msr fpcr, %0" : : "r"(before_ | (1ull << 24)));
    }
    ~FlushDenormals() { asm volatile("msr fpcr, %0" : : "r"(before_)); }

private:
    unsigned long long before_;
#endif
};

class Pool {
public:
    ~Pool() {
        {
            std::lock_guard<std::mutex> lock(mutex_);
            ending_ = true;
        }
        wake_.notify_all();
        for (std::thread& thread : threads_) thread.join();
    }

    bool try_run(int count, int threads, const std::function<void(int)>& task) {
        std::unique_lock<std::mutex> alone(busy_, std::try_to_lock);
        if (!alone.owns_lock()) return false;
        {
            std::lock_guard<std::mutex> lock(mutex_);
            while (int(threads_.size()) < threads - 1)
                threads_.emplace_back([this, number = int(threads_.size())] { work(number); });
            task_ = &task;
            count_ = count;
            next_.store(0, std::memory_order_relaxed);
            invited_ = threads - 1;
            working_ = threads - 1;
            ++round_;
        }
        wake_.notify_all();
        drain(task, count);
        std::unique_lock<std::mutex> lock(mutex_);
        done_.wait(lock, [this] { return working_ == 0; });
        return true;
    }

private:
    void drain(const std::function<void(int)>& task, int count) {
        for (int i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < count;) task(i);
    }

    void work(int number) {
        const FlushDenormals flush;
        long seen = 0;
        std::unique_lock<std::mutex> lock(mutex_);
        for (;;) {
            wake_.wait(lock, [&] { return ending_ || round_ != seen; });
            if (ending_) return;
            seen = round_;
            if (number >= invited_) continue;
            const std::function<void(int)>& task = *task_;
            const int count = count_;
            lock.unlock();
            drain(task, count);
            lock.lock();
            if (--working_ == 0) done_.notify_one();
        }
    }

    std::mutex busy_, mutex_;
    std::condition_variable wake_, done_;
    std::vector<std::thread> threads_;
    const std::function<void(int)>* task_ = nullptr;
    std::atomic<int> next_{0};
    int count_ = 0, invited_ = 0, working_ = 0;
    long round_ = 0;
    bool ending_ = false;
};

// A forked child has none of its parent's threads: it gets a pool of its own, and the parent's, whose
// locks may be held by threads that are gone, is left as it lies. At exit the threads sleep on.
std::atomic<Pool*> pool{nullptr};

Pool& the_pool() {
    static const int once = pthread_atfork(nullptr, nullptr, [] { pool.store(nullptr); });
    (void)once;
    Pool* found = pool.load();
    if (!found) {
        Pool* made = new Pool;
        if (pool.compare_exchange_strong(found, made)) return *made;
        delete made;
    }
    return *found;
}

using GompParallel = void (*)(void (*)(void*), void*, unsigned, unsigned);
std::atomic<GompParallel> gomp{nullptr};

struct Shared {
    const std::function<void(int)>& task;
    int count;
    std::atomic<int> next{0};
};

void drain_shared(void* data) {
    const FlushDenormals flush;
    Shared& shared = *static_cast<Shared*>(data);
    for (int i; (i = shared.next.fetch_add(1, std::memory_order_relaxed)) < shared.count;)
        shared.task(i);
}

}  // namespace

void use_openmp(void* gomp_parallel) {
    static const int once = pthread_atfork(nullptr, nullptr, [] { gomp.store(nullptr); });
    (void)once;
    gomp.store(reinterpret_cast<GompParallel>(gomp_parallel));
}

void share_out(int count, int threads, const std::function<void(int)>& task) {
    const FlushDenormals flush;
    if (threads > count) threads = count;
    if (GompParallel parallel = gomp.load(); parallel && threads > 1) {
        Shared shared{task, count};
        parallel(drain_shared, &shared, unsigned(threads), 0);
        return;
    }
    if (threads > 1 && the_pool().try_run(count, threads, task)) return;
    for (int i = 0; i < count; ++i) task(i);
}

}  // namespace throughtime
