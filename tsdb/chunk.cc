#include "tsdb/chunk.h"

#include <cstring>
#include <new>

#include "tsdb/histogram.h"

namespace slowburn::tsdb {

ClosedChunk* ClosedChunk::New(std::span<const uint8_t> bytes) {
  auto* chunk = new (::operator new(sizeof(ClosedChunk) + bytes.size())) ClosedChunk;
  chunk->size = static_cast<uint16_t>(bytes.size());
  if (!bytes.empty()) std::memcpy(static_cast<void*>(chunk + 1), bytes.data(), bytes.size());
  return chunk;
}

void ClosedChunk::Delete(ClosedChunk* chunk) {
  if (chunk == nullptr) return;
  chunk->~ClosedChunk();
  ::operator delete(chunk);
}

OpenChunk* OpenChunk::New(size_t capacity) {
  return new (::operator new(sizeof(OpenChunk) + capacity)) OpenChunk;
}

OpenChunk* OpenChunk::Grow(OpenChunk* chunk, size_t size, size_t capacity) {
  OpenChunk* grown = New(capacity);
  std::memcpy(static_cast<void*>(grown), chunk, sizeof(OpenChunk) + size);
  Delete(chunk);
  return grown;
}

void OpenChunk::Delete(OpenChunk* chunk) { ::operator delete(chunk); }

}  // namespace slowburn::tsdb
