// Memory that is used again: fresh pages cost as much as the arithmetic of a small network.
#pragma once

#include <cstddef>

namespace throughtime {

// A block of memory, aligned to a cache line, given back for the next call when it goes out of scope.
class Workspace {
public:
    explicit Workspace(std::size_t bytes);
    ~Workspace();
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;
    template <typename T> T* as() const { return static_cast<T*>(memory_); }

private:
    void* memory_;
    std::size_t bytes_;
};

// Bytes that are kept for later calls; never more than a fixed bound.
std::size_t kept_bytes();

// Gives all of them back to the system.
void release_workspaces();

// Fills all of them with NaN, for tests: whatever a pass reads, it must have written.
void poison_workspaces();

}  // namespace throughtime
