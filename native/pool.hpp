// Threads that share out numbered tasks; idle ones sleep.
#pragma once

#include <functional>

namespace throughtime {

// Runs task(0) ... task(count - 1) on up to `threads` threads, the caller's among them, and returns when
// all are done. Denormal numbers are flushed to zero in the tasks; the caller's own mode is restored.
// A call that finds the threads at work for somebody else runs its tasks alone.
void share_out(int count, int threads, const std::function<void(int)>& task);

}  // namespace throughtime
