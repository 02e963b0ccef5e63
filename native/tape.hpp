// A tape that leaves as DLPack: torch holds and frees it.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>

#include "workspace.hpp"

namespace throughtime {

// What a forward pass keeps for its backward pass: a tensor for whoever reads DLPack, in memory that is
// used again. It needs no Python object to be given back, so that any thread may do it.
struct Tape {
    struct Managed {  // DLManagedTensor of the DLPack specification
        nanobind::dlpack::dltensor tensor;
        void* context;
        void (*release)(Managed*);
    } managed;
    Workspace memory;
    int64_t elements, stride = 1;

    Tape(int64_t count, std::uint8_t width)
        : memory(std::size_t(count) * width), elements(count) {
        managed.tensor.data = memory.as<char>();
        managed.tensor.device = {nanobind::device::cpu::value, 0};
        managed.tensor.ndim = 1;
        managed.tensor.dtype = {std::uint8_t(nanobind::dlpack::dtype_code::Float), std::uint8_t(8 * width), 1};
        managed.tensor.shape = &elements;
        managed.tensor.strides = &stride;
        managed.context = this;
        managed.release = [](Managed* of) { delete static_cast<Tape*>(of->context); };
    }
    Tape(const Tape&) = delete;
};

}  // namespace throughtime
