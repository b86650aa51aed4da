#include "laneway/memory/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "laneway/memory/page_policy.h"

namespace laneway {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

Error file_error(const std::string& path, const std::string& problem, ErrorCode code) {
  return Error(code, "file " + path + ": " + problem);
}

Error system_error(const std::string& path, const std::string& problem, int why) {
  return file_error(path, problem + ": " + std::strerror(why), errno_code(why));
}

Expected<std::size_t> regular_size(int fd, const std::string& path) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return system_error(path, "cannot be examined", errno);
  if (!S_ISREG(status.st_mode)) {
    const std::string kind = S_ISDIR(status.st_mode) ? "a directory" : "a device, pipe or socket";
    return file_error(path, "cannot be mapped: expected a regular file, got " + kind, ErrorCode::invalid_argument);
  }
  return static_cast<std::size_t>(status.st_size);
}

}  // namespace

Expected<MappedFile> MappedFile::open(const std::filesystem::path& path, const FileRange& range) {
  const std::string& text = path.native();
  if (text.empty()) return Error(ErrorCode::invalid_argument, "file: the path is empty");
  if (text.find('\0') != std::string::npos) return Error(ErrorCode::invalid_argument, "file: the path holds a NUL character");
  // O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
  const Descriptor file(::open(text.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return system_error(text, "cannot be opened", errno);
  LANEWAY_TRY_ASSIGN(const std::size_t size, regular_size(file.get(), text));

  const std::size_t wanted = range.bytes.value_or(range.offset <= size ? size - range.offset : 0);
  if (range.offset > size || wanted > size - range.offset) {
    const std::string got = std::to_string(wanted) + " from offset " + std::to_string(range.offset);
    return file_error(text, "range beyond the end: expected at most " + std::to_string(size) + " bytes, got " + got,
                      ErrorCode::invalid_argument);
  }
  MappedFile mapped;
  if (wanted == 0) return mapped;
  const std::size_t lead = range.offset % page_bytes;
  void* const start = mmap(nullptr, lead + wanted, PROT_READ, MAP_PRIVATE, file.get(), static_cast<off_t>(range.offset - lead));
  if (start == MAP_FAILED) return system_error(text, "cannot be mapped", errno);
  mapped.data_ = {static_cast<const std::byte*>(start) + lead, wanted};
  mapped.lead_bytes_ = lead;
  return mapped;
}

MappedFile::~MappedFile() {
  if (!data_.empty()) munmap(const_cast<std::byte*>(data_.data()) - lead_bytes_, data_.size() + lead_bytes_);
}

}  // namespace laneway
