// Threads that share out numbered tasks; idle ones sleep.
#pragma once

#include <functional>

namespace throughtime {

// Runs task(0) ... task(count - 1) on up to `threads` threads, the caller's among them, and returns when
// all are done. Denormal numbers are flushed to zero in the tasks; the caller's own mode is restored.
// A call that finds the threads at work for somebody else runs its tasks alone.
void share_out(int count, int threads, const std::function<void(int)>& task);

// Lets the threads of an OpenMP runtime that is loaded already do the work, by the address of its
// `GOMP_parallel`. After a task of their own they wait by spinning, for milliseconds, and would keep
// threads of ours from the processors. Null goes back to our own, and so does a forked child, which
// has none of its parent's threads.
void use_openmp(void* gomp_parallel);

}  // namespace throughtime
