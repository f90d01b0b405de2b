// The mask of a client's frames (RFC 6455, 5.3).
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace data_bridge::websocket {

using MaskingKey = std::array<std::uint8_t, 4>;

/// Takes the mask off `bytes`, or puts it on, which is the same; the first of them is byte `offset` of the payload.
void apply_mask(std::span<char> bytes, const MaskingKey& key, std::uint64_t offset) noexcept;

}  // namespace data_bridge::websocket
