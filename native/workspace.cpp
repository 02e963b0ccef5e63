#include "workspace.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <vector>

namespace throughtime {
namespace {

constexpr std::size_t line = 64;
constexpr std::size_t most_kept = std::size_t(256) << 20;

// Large pages where the system has them: a tape is gone through from end to end, and finding its small
// pages takes as long as reading them.
constexpr std::size_t large_page = std::size_t(2) << 20;

void* allocate(std::size_t& bytes) {
#if defined(__linux__)
    if (bytes >= 2 * large_page) {
        bytes = (bytes + large_page - 1) / large_page * large_page;
        void* memory = std::aligned_alloc(large_page, bytes);
        if (memory) madvise(memory, bytes, MADV_HUGEPAGE);
        return memory;
    }
#endif
    return std::aligned_alloc(line, bytes);
}

struct Block {
    void* memory;
    std::size_t bytes;
};

// Never destroyed: a thread may still give memory back while the process ends.
struct Kept {
    std::mutex mutex;
    std::vector<Block> blocks;
    std::size_t bytes = 0;
};
Kept& kept() {
    static Kept* only = new Kept;
    return *only;
}

}  // namespace

Workspace::Workspace(std::size_t bytes) : memory_(nullptr), bytes_((bytes + line) / line * line) {
    {
        Kept& all = kept();
        std::lock_guard<std::mutex> lock(all.mutex);
        std::size_t best = all.blocks.size();
        for (std::size_t i = 0; i < all.blocks.size(); ++i)
            if (all.blocks[i].bytes >= bytes_ && all.blocks[i].bytes <= 4 * bytes_ &&
                (best == all.blocks.size() || all.blocks[i].bytes < all.blocks[best].bytes))
                best = i;
        if (best < all.blocks.size()) {
            memory_ = all.blocks[best].memory;
            bytes_ = all.blocks[best].bytes;
            all.bytes -= bytes_;
            all.blocks.erase(all.blocks.begin() + std::ptrdiff_t(best));
            return;
        }
    }
    memory_ = allocate(bytes_);
    if (!memory_) throw std::bad_alloc();
}

Workspace::~Workspace() {
    Kept& all = kept();
    {
        std::lock_guard<std::mutex> lock(all.mutex);
        if (all.bytes + bytes_ <= most_kept) {
            all.blocks.push_back({memory_, bytes_});
            all.bytes += bytes_;
            return;
        }
    }
    std::free(memory_);
}

std::size_t kept_bytes() {
    Kept& all = kept();
    std::lock_guard<std::mutex> lock(all.mutex);
    return all.bytes;
}

void release_workspaces() {
    Kept& all = kept();
    std::lock_guard<std::mutex> lock(all.mutex);
    for (const Block& block : all.blocks) std::free(block.memory);
    all.blocks.clear();
    all.bytes = 0;
}

void poison_workspaces() {
    Kept& all = kept();
    std::lock_guard<std::mutex> lock(all.mutex);
    for (const Block& block : all.blocks) std::memset(block.memory, 0xff, block.bytes);
}

}  // namespace throughtime
