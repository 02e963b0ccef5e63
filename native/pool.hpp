// Threads that share out numbered tasks; idle ones sleep.
#pragma once

#include <functional>

namespace throughtime {

// Runs work(0, workers) ... work(workers - 1, workers) at the same time, each in a thread of its own, the
// caller's among them, and returns when all are done. There are never more workers than `threads`, and
// there may be fewer: a call that finds the threads at work for somebody else does its work alone. They
// are really there, so that they may wait for one another. Denormal numbers are flushed to zero in the
// work; the caller's own mode is restored.
using Work = std::function<void(int worker, int workers)>;
void together(int threads, const Work& work);

// Runs task(0) ... task(count - 1), on up to `threads` threads.
void share_out(int count, int threads, const std::function<void(int)>& task);

// Functions of an OpenMP runtime that is loaded already.
struct OpenMP {
    void (*parallel)(void (*)(void*), void*, unsigned, unsigned);  // GOMP_parallel
    int (*worker)();                                               // omp_get_thread_num
    int (*workers)();                                              // omp_get_num_threads
};

// Lets the threads of an OpenMP runtime do the work. After a task of their own they wait by spinning, for
// milliseconds, and would keep threads of ours from the processors. Nulls go back to our own, and so does
// a forked child, which has none of its parent's threads.
void use_openmp(OpenMP runtime);

}  // namespace throughtime
