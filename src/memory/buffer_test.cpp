#include "laneway/memory/buffer.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace laneway {
namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
constexpr bool sanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool sanitized = false;
#endif

bool aligned(const void* address, std::size_t alignment) { return reinterpret_cast<std::uintptr_t>(address) % alignment == 0; }

bool all_zero(const Buffer& buffer) {
  return std::all_of(buffer.data(), buffer.data() + buffer.bytes(), [](std::byte b) { return b == std::byte{0}; });
}

// A line of /proc/self/smaps about the mapping that holds the address: field("VmFlags", p) is "rd wr mr mw me ac hg".
std::string field(const std::string& key, const void* address) {
  std::ifstream smaps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(smaps, line);) {
    unsigned long first = 0, last = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &first, &last) == 2) {
      inside = first <= reinterpret_cast<std::uintptr_t>(address) && reinterpret_cast<std::uintptr_t>(address) < last;
    } else if (inside && line.rfind(key + ":", 0) == 0) {
      return line.substr(key.size() + 1);
    }
  }
  return "";
}

bool kernel_has_huge_pages() {
  std::string text;
  std::getline(std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled"), text);
  return !text.empty() && text.find("[never]") == std::string::npos;
}

// Whether the machine has a huge page left right now, found without the code under test.
bool machine_gives_huge_pages() {
  void* const start = mmap(nullptr, 4 * mib, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return false;
  const std::uintptr_t at = (reinterpret_cast<std::uintptr_t>(start) + 2 * mib - 1) / (2 * mib) * (2 * mib);
  madvise(start, 4 * mib, MADV_HUGEPAGE);
  *reinterpret_cast<volatile char*>(at) = 1;
  const std::string given = field("AnonHugePages", reinterpret_cast<void*>(at));
  munmap(start, 4 * mib);
  return given.find_first_of("123456789") != std::string::npos;
}

void drop_capability(unsigned capability) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  ASSERT_EQ(syscall(SYS_capget, &header, data), 0);
  data[capability / 32].effective &= ~(1u << capability % 32);
  data[capability / 32].permitted &= ~(1u << capability % 32);
  ASSERT_EQ(syscall(SYS_capset, &header, data), 0);
}

// Runs `body` in a child process, so that limits and capabilities given up there are not given up here.
::testing::AssertionResult in_child(const std::function<std::string()>& body) {
  int ends[2];
  if (pipe(ends) != 0) return ::testing::AssertionFailure() << "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    const std::string complaint = body();
    const bool sent = write(ends[1], complaint.data(), complaint.size()) == static_cast<ssize_t>(complaint.size());
    _exit(sent && complaint.empty() ? 0 : 1);
  }
  close(ends[1]);
  std::string complaint(4096, '\0');
  complaint.resize(static_cast<std::size_t>(std::max<ssize_t>(read(ends[0], complaint.data(), complaint.size()), 0)));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "child status " << status << ": " << complaint;
}

TEST(PagePolicy, L17_DefaultsFollowTheSize) {
  struct Row {
    std::size_t bytes, alignment_bytes;
    bool huge_pages, prefault;
  };
  for (const Row& row : {Row{0, 64, false, false}, Row{1, 64, false, false}, Row{mib - 1, 64, false, false},
                         Row{mib, 4096, false, true}, Row{2 * mib - 1, 4096, false, true}, Row{2 * mib, 2 * mib, true, true},
                         Row{2 * mib + 1, 2 * mib, true, true}, Row{700 * mib, 2 * mib, true, true}}) {
    const auto policy = resolve({}, row.bytes);
    ASSERT_TRUE(policy);
    EXPECT_EQ(*policy, (PagePolicy{row.alignment_bytes, row.huge_pages, row.prefault, false})) << row.bytes;
  }
}

TEST(PagePolicy, L17_SwitchesAreIndependent) {
  EXPECT_EQ(*resolve({.alignment_bytes = 256}, 3 * mib), (PagePolicy{256, true, true, false}));
  EXPECT_EQ(*resolve({.huge_pages = false}, 3 * mib), (PagePolicy{2 * mib, false, true, false}));
  EXPECT_EQ(*resolve({.prefault = false}, 3 * mib), (PagePolicy{2 * mib, true, false, false}));
  EXPECT_EQ(*resolve({.prefault = true}, 100), (PagePolicy{64, false, true, false}));
  EXPECT_EQ(*resolve({.huge_pages = true}, mib), (PagePolicy{2 * mib, true, true, false}));
  EXPECT_EQ(*resolve({.alignment_bytes = 1}, 100), (PagePolicy{64, false, false, false}));
  EXPECT_EQ(*resolve({.lock = true}, 100), (PagePolicy{64, false, true, true}));
}

TEST(PagePolicy, L17_AlignmentNotAPowerOfTwoIsInvalid) {
  for (const std::size_t alignment : {std::size_t{0}, std::size_t{3}, std::size_t{96}, std::size_t{4097}, SIZE_MAX}) {
    const auto policy = resolve({.alignment_bytes = alignment}, 100);
    ASSERT_FALSE(policy) << alignment;
    EXPECT_EQ(policy.error().code(), ErrorCode::invalid_argument);
    EXPECT_NE(policy.error().message().find("got " + std::to_string(alignment)), std::string::npos);
    const auto buffer = Buffer::allocate(100, {.alignment_bytes = alignment});
    ASSERT_FALSE(buffer);
    EXPECT_EQ(buffer.error().code(), ErrorCode::invalid_argument);
  }
}

TEST(PagePolicy, ReadsAsText) {
  EXPECT_EQ(to_string(PagePolicy{}), "{alignment_bytes=by size, huge_pages=by size, prefault=by size, lock=no}");
  EXPECT_EQ(to_string(PagePolicy{4096, true, false, true}), "{alignment_bytes=4096, huge_pages=yes, prefault=no, lock=yes}");
}

TEST(Buffer, IsZeroFilledAlignedAndWritableAtEverySize) {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{63}, 5 * kib + 3, mib - 1, mib, mib + 17, 2 * mib, 5 * mib + 1}) {
    auto buffer = Buffer::allocate(bytes);
    ASSERT_TRUE(buffer) << bytes;
    EXPECT_EQ(buffer->bytes(), bytes);
    EXPECT_TRUE(all_zero(*buffer)) << bytes;
    EXPECT_TRUE(aligned(buffer->data(), bytes < mib ? 64 : bytes < 2 * mib ? 4096 : 2 * mib)) << bytes;
    std::memset(buffer->data(), 0xa5, bytes);
    EXPECT_EQ(buffer->data()[bytes - 1], std::byte{0xa5});
  }
}

TEST(Buffer, FreshMemoryIsZeroEvenWhereTheHeapReusesADirtyBlock) {
  for (int round = 0; round < 50; ++round) {
    auto buffer = Buffer::allocate(777);
    ASSERT_TRUE(buffer);
    ASSERT_TRUE(all_zero(*buffer));
    std::memset(buffer->data(), 0xff, buffer->bytes());
  }
}

TEST(Buffer, ZeroBytesHaveAnAddressOfTheirOwn) {
  const auto a = Buffer::allocate(0);
  const auto b = Buffer::allocate(0);
  const auto locked = Buffer::allocate(0, {.lock = true});
  ASSERT_TRUE(a && b && locked);
  EXPECT_EQ(a->bytes(), 0u);
  EXPECT_NE(a->data(), nullptr);
  EXPECT_NE(locked->data(), nullptr);
  EXPECT_NE(a->data(), b->data());
  EXPECT_EQ(a->resident_bytes(), 0u);
}

TEST(Buffer, MovingKeepsTheAddressAndEmptiesTheSource) {
  auto made = Buffer::allocate(3 * mib);
  ASSERT_TRUE(made);
  Buffer first = *std::move(made);
  const std::byte* const address = first.data();
  Buffer second = std::move(first);
  EXPECT_EQ(second.data(), address);
  EXPECT_EQ(first.data(), nullptr);  // NOLINT(bugprone-use-after-move): what is promised
  EXPECT_EQ(first.bytes(), 0u);
  second = *Buffer::allocate(100);
  EXPECT_NE(second.data(), address);
  EXPECT_EQ(second.bytes(), 100u);
}

TEST(Buffer, L12_ViewIsTheVeryMemory) {
  for (const PagePolicy& policy :
       {PagePolicy{}, PagePolicy{.alignment_bytes = 16 * kib}, PagePolicy{.huge_pages = true}, PagePolicy{.lock = true}}) {
    auto buffer = Buffer::allocate(12345, policy);
    ASSERT_TRUE(buffer);
    const Memory view = buffer->view();
    EXPECT_EQ(view.data, buffer->data());
    EXPECT_EQ(view.bytes, 12345u);
    EXPECT_EQ(view.placement, Placement::host);
  }
}

TEST(Buffer, TooLargeIsResourceExhausted) {
  for (const std::size_t bytes : {SIZE_MAX, SIZE_MAX - 4095, SIZE_MAX / 2, std::size_t{1} << 60}) {
    const auto buffer = Buffer::allocate(bytes);
    ASSERT_FALSE(buffer) << bytes;
    EXPECT_EQ(buffer.error().code(), ErrorCode::resource_exhausted);
    EXPECT_NE(buffer.error().message().find(std::to_string(bytes)), std::string::npos);
  }
  const auto alignment = Buffer::allocate(100, {.alignment_bytes = std::size_t{1} << 63});
  ASSERT_FALSE(alignment);
  EXPECT_EQ(alignment.error().code(), ErrorCode::resource_exhausted);
}

TEST(Buffer, L17_ExplicitAlignmentHolds) {
  for (std::size_t alignment = 1; alignment <= 16 * mib; alignment *= 2) {
    const auto buffer = Buffer::allocate(1000 + alignment / 3, {.alignment_bytes = alignment});
    ASSERT_TRUE(buffer) << alignment;
    EXPECT_TRUE(aligned(buffer->data(), std::max<std::size_t>(alignment, 64))) << alignment;
    EXPECT_TRUE(all_zero(*buffer));
  }
}

TEST(Buffer, AlignmentIsPaidInAddressesThatAreGivenBack) {
  const auto buffer = Buffer::allocate(5 * kib, {.alignment_bytes = 16 * mib, .huge_pages = false});
  ASSERT_TRUE(buffer);
  EXPECT_LT(std::stoul(field("Size", buffer->data())), 1024u) << "KiB of the mapping that holds it";
}

TEST(Buffer, L17_ResidentFromOneMiB) {
  for (const std::size_t bytes : {mib, mib + 5, 2 * mib, 5 * mib + 4097}) {
    const auto buffer = Buffer::allocate(bytes);
    ASSERT_TRUE(buffer);
    EXPECT_EQ(buffer->resident_bytes(), bytes);
  }
}

TEST(Buffer, L17_PrefaultIsASwitch) {
  auto lazy = Buffer::allocate(3 * mib, {.huge_pages = false, .prefault = false});
  ASSERT_TRUE(lazy);
  EXPECT_EQ(lazy->resident_bytes(), 0u);
  lazy->data()[5000] = std::byte{1};
  EXPECT_EQ(lazy->resident_bytes(), page_bytes);

  const auto small = Buffer::allocate(100 * kib + 1, {.prefault = true});
  ASSERT_TRUE(small);
  EXPECT_EQ(small->resident_bytes(), 100 * kib + 1);
}

TEST(Buffer, L17_AdvisedFromTwoMiB) {
  if (!kernel_has_huge_pages()) GTEST_SKIP() << "this kernel has transparent huge pages switched off";
  const auto large = Buffer::allocate(4 * mib);
  const auto refused = Buffer::allocate(4 * mib, {.huge_pages = false});
  const auto medium = Buffer::allocate(mib);
  ASSERT_TRUE(large && refused && medium);
  EXPECT_NE(field("VmFlags", large->data()).find(" hg"), std::string::npos);
  EXPECT_EQ(field("VmFlags", refused->data()).find(" hg"), std::string::npos);
  EXPECT_EQ(field("VmFlags", medium->data()).find(" hg"), std::string::npos);
}

// Pages that are touched first and advised later stay small: that some are huge shows the order.
TEST(Buffer, L17_AdvisedBeforeTheFirstTouch) {
  if (!kernel_has_huge_pages()) GTEST_SKIP() << "this kernel has transparent huge pages switched off";
  if (!machine_gives_huge_pages()) GTEST_SKIP() << "this machine has no huge page left";
  const auto large = Buffer::allocate(6 * mib);
  const auto refused = Buffer::allocate(6 * mib, {.huge_pages = false});
  ASSERT_TRUE(large && refused);
  EXPECT_GT(large->huge_bytes(), 0u);
  EXPECT_LE(large->huge_bytes(), 6 * mib);
  EXPECT_EQ(refused->huge_bytes(), 0u);
  EXPECT_EQ(refused->resident_bytes(), 6 * mib);
}

TEST(Buffer, L17_LockedPagesAreLocked) {
  if (sanitized) GTEST_SKIP() << "the sanitizers make mlock do nothing";
  const auto locked = Buffer::allocate(20 * kib, {.lock = true});
  const auto plain = Buffer::allocate(2 * mib);
  ASSERT_TRUE(locked && plain) << (locked ? "" : locked.error().message());
  EXPECT_NE(field("VmFlags", locked->data()).find(" lo"), std::string::npos);
  EXPECT_EQ(field("VmFlags", plain->data()).find(" lo"), std::string::npos);
  EXPECT_EQ(locked->resident_bytes(), 20 * kib);
}

TEST(Buffer, L17_UnlockingOneLeavesItsNeighboursLocked) {
  if (sanitized) GTEST_SKIP() << "the sanitizers make mlock do nothing";
  std::vector<Buffer> buffers;
  for (int i = 0; i < 8; ++i) buffers.push_back(*Buffer::allocate(100, {.lock = true}));
  for (std::size_t kept : {0u, 3u, 6u}) {
    Buffer survivor = std::move(buffers[kept]);
    if (kept + 1 < buffers.size()) Buffer dropped = std::move(buffers[kept + 1]);
    EXPECT_NE(field("VmFlags", survivor.data()).find(" lo"), std::string::npos);
  }
}

// Root passes every limit, so that the child gives CAP_IPC_LOCK up first.
TEST(Buffer, L17_LockBeyondTheLimitIsResourceExhausted) {
  if (sanitized) GTEST_SKIP() << "the sanitizers make mlock do nothing";
  EXPECT_TRUE(in_child([]() -> std::string {
    const rlimit limit{64 * kib, 64 * kib};
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0) return "setrlimit failed";
    drop_capability(CAP_IPC_LOCK);
    const auto within = Buffer::allocate(16 * kib, {.lock = true});
    if (!within) return "16 KiB are within the limit: " + std::string(within.error().message());
    const auto beyond = Buffer::allocate(mib, {.lock = true});
    if (beyond) return "1 MiB was locked beyond the limit";
    if (beyond.error().code() != ErrorCode::resource_exhausted) return std::string(name(beyond.error().code()));
    for (const char* part : {"65536", "1048576", "RLIMIT_MEMLOCK", "ulimit -l", "CAP_IPC_LOCK"}) {
      if (beyond.error().message().find(part) == std::string::npos) return std::string(beyond.error().message());
    }
    return Buffer::allocate(mib) ? "" : "without a lock it is fine";
  }));
}

TEST(Buffer, L17_MemoryBeyondTheLimitIsResourceExhausted) {
  if (sanitized) GTEST_SKIP() << "the sanitizers reserve address space themselves";
  EXPECT_TRUE(in_child([]() -> std::string {
    const rlimit limit{512 * mib, 512 * mib};
    if (setrlimit(RLIMIT_AS, &limit) != 0) return "setrlimit failed";
    const auto beyond = Buffer::allocate(1024 * mib);
    if (beyond) return "1 GiB was given beyond the limit";
    return beyond.error().code() == ErrorCode::resource_exhausted ? "" : std::string(beyond.error().message());
  }));
}

}  // namespace
}  // namespace laneway
