#include "pool.hpp"

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <system_error>
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

    bool try_run(int threads, const Work& task) {
        std::unique_lock<std::mutex> alone(busy_, std::try_to_lock);
        if (!alone.owns_lock()) return false;
        {
            std::lock_guard<std::mutex> lock(mutex_);
            hire(threads - 1);
            task_ = &task;
            invited_ = int(threads_.size()) < threads - 1 ? int(threads_.size()) : threads - 1;
            working_ = invited_;
            ++round_;
        }
        wake_.notify_all();
        task(0, invited_ + 1);
        std::unique_lock<std::mutex> lock(mutex_);
        done_.wait(lock, [this] { return working_ == 0; });
        return true;
    }

private:
    // As many threads as are wanted, or as the system allows.
    void hire(int wanted) {
        try {
            while (int(threads_.size()) < wanted)
                threads_.emplace_back([this, number = int(threads_.size())] { work(number); });
        } catch (const std::system_error&) {
        }
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
            const Work& task = *task_;
            const int workers = invited_ + 1;
            lock.unlock();
            task(number + 1, workers);
            lock.lock();
            if (--working_ == 0) done_.notify_one();
        }
    }

    std::mutex busy_, mutex_;
    std::condition_variable wake_, done_;
    std::vector<std::thread> threads_;
    const Work* task_ = nullptr;
    int invited_ = 0, working_ = 0;
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

// The runtime's functions; there is one as long as the first is not null.
std::atomic<decltype(OpenMP::parallel)> omp_parallel{nullptr};
std::atomic<decltype(OpenMP::worker)> omp_worker{nullptr};
std::atomic<decltype(OpenMP::workers)> omp_workers{nullptr};

// The team may be smaller than it was asked to be: in a parallel region of somebody else it is one thread.
void run_in_team(void* work) {
    const FlushDenormals flush;
    (*static_cast<const Work*>(work))(omp_worker.load()(), omp_workers.load()());
}

}  // namespace

void use_openmp(OpenMP runtime) {
    static const int once = pthread_atfork(nullptr, nullptr, [] { omp_parallel.store(nullptr); });
    (void)once;
    if (runtime.parallel) {
        omp_worker.store(runtime.worker);
        omp_workers.store(runtime.workers);
    }
    omp_parallel.store(runtime.parallel);
}

void together(int threads, const Work& work) {
    const FlushDenormals flush;
    if (const auto parallel = omp_parallel.load(); parallel && threads > 1) {
        parallel(run_in_team, const_cast<Work*>(&work), unsigned(threads), 0);
        return;
    }
    if (threads > 1 && the_pool().try_run(threads, work)) return;
    work(0, 1);
}

void share_out(int count, int threads, const std::function<void(int)>& task) {
    struct Tasks {
        const std::function<void(int)>& task;
        int count;
        std::atomic<int> next;
    } tasks{task, count, {0}};
    // One word is captured: a function object of more than two would ask for memory.
    together(threads < count ? threads : count, [&tasks](int, int) {
        for (int i; (i = tasks.next.fetch_add(1, std::memory_order_relaxed)) < tasks.count;)
            tasks.task(i);
    });
}

}  // namespace throughtime
