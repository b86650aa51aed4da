#pragma once
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>

#include "laneway/core/expected.h"

namespace laneway LANEWAY_PUBLIC {

/// Which bytes of a file.
struct FileRange {
  std::size_t offset = 0;
  std::optional<std::size_t> bytes = std::nullopt;  ///< nullopt: to the end of the file.
};

/// A file, or a part of one, read where the kernel keeps it. The range may begin anywhere; it need not be aligned.
///
/// Threads:  immutable; any thread.
/// Lifetime: data() is valid until this is destroyed; moving it keeps it. The file may be unlinked, or replaced by renaming
///           another over it: the old bytes stay. It must not be rewritten or truncated in place: the bytes would change under
///           the reader, and reading beyond the new end kills the process (SIGBUS).
/// Cost:     open() reads nothing; pages come in when they are first read, and are shared by all who map the file.
class MappedFile {
 public:
  /// Errors: not_found; permission_denied; invalid_argument (a path that is empty or holds a NUL, what is not a regular file,
  ///         a range beyond the end); resource_exhausted (descriptors, address space).
  static Expected<MappedFile> open(const std::filesystem::path& path, const FileRange& range = {});

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept { swap(other); }
  MappedFile& operator=(MappedFile&& other) noexcept {
    MappedFile(std::move(other)).swap(*this);
    return *this;
  }
  ~MappedFile();

  std::span<const std::byte> data() const noexcept { return data_; }

 private:
  void swap(MappedFile& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(lead_bytes_, other.lead_bytes_);
  }

  std::span<const std::byte> data_;
  std::size_t lead_bytes_ = 0;  // mappings begin at a page; the range need not
};

}  // namespace laneway
