#include "laneway/memory/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <string>
#include <vector>

namespace laneway {
namespace {

namespace fs = std::filesystem;

class MappedFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "laneway-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder = pattern;
  }
  void TearDown() override { fs::remove_all(folder); }

  fs::path write(const std::string& file, const std::vector<char>& content) const {
    std::ofstream(folder / file, std::ios::binary).write(content.data(), static_cast<std::streamsize>(content.size()));
    return folder / file;
  }

  fs::path folder;
};

std::vector<char> random_bytes(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<char> bytes(count);
  std::ranges::generate(bytes, [&] { return static_cast<char>(random()); });
  return bytes;
}

bool holds(std::span<const std::byte> data, std::span<const char> expected) {
  return std::ranges::equal(data, std::as_bytes(expected));
}

ErrorCode code_of(const Expected<MappedFile>& file) { return file ? ErrorCode{} : file.error().code(); }

TEST_F(MappedFileTest, ReadsTheWholeFile) {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{4095}, std::size_t{4096}, std::size_t{100'003}}) {
    const auto content = random_bytes(bytes, static_cast<unsigned>(bytes));
    const auto file = MappedFile::open(write("whole", content));
    ASSERT_TRUE(file) << file.error().message();
    EXPECT_TRUE(holds(file->data(), content)) << bytes;
  }
}

TEST_F(MappedFileTest, ReadsAnyRange) {
  const auto content = random_bytes(20'011, 7);
  const fs::path path = write("range", content);
  for (const std::size_t offset : {0u, 1u, 4095u, 4096u, 4097u, 12'288u, 20'010u, 20'011u}) {
    for (const std::size_t bytes : {0u, 1u, 4096u, 7'723u}) {
      if (offset + bytes > content.size()) continue;
      const auto file = MappedFile::open(path, {offset, bytes});
      ASSERT_TRUE(file) << offset << "+" << bytes << " " << file.error().message();
      EXPECT_TRUE(holds(file->data(), std::span(content).subspan(offset, bytes))) << offset << "+" << bytes;
    }
    const auto rest = MappedFile::open(path, {.offset = offset});
    ASSERT_TRUE(rest);
    EXPECT_TRUE(holds(rest->data(), std::span(content).subspan(offset)));
  }
}

TEST_F(MappedFileTest, AnEmptyFileIsEmpty) {
  const auto file = MappedFile::open(write("empty", {}));
  ASSERT_TRUE(file);
  EXPECT_TRUE(file->data().empty());
}

TEST_F(MappedFileTest, RangeBeyondTheEndIsInvalid) {
  const fs::path path = write("short", random_bytes(1000, 3));
  for (const FileRange& range : {FileRange{1001, {}}, FileRange{0, 1001}, FileRange{999, 2}, FileRange{SIZE_MAX, 1},
                                 FileRange{1, SIZE_MAX}, FileRange{SIZE_MAX, SIZE_MAX}}) {
    const auto file = MappedFile::open(path, range);
    ASSERT_EQ(code_of(file), ErrorCode::invalid_argument) << range.offset;
    EXPECT_NE(file.error().message().find("1000 bytes"), std::string::npos) << file.error().message();
  }
}

TEST_F(MappedFileTest, L02_MissingFileIsNotFound) {
  EXPECT_EQ(code_of(MappedFile::open(folder / "missing")), ErrorCode::not_found);
  EXPECT_EQ(code_of(MappedFile::open(write("file", {'x'}) / "below")), ErrorCode::not_found);
}

TEST_F(MappedFileTest, L02_UnreadableFileIsPermissionDenied) {
  const fs::path path = write("secret", {'x'});
  ASSERT_EQ(chmod(path.c_str(), 0), 0);
  ASSERT_EQ(chmod(folder.c_str(), 0755), 0);
  const pid_t child = fork();  // root may read everything: become nobody
  if (child == 0) {
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(2);
    _exit(code_of(MappedFile::open(path)) == ErrorCode::permission_denied ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(MappedFileTest, L02_PathsThatCannotBeFilesAreInvalid) {
  EXPECT_EQ(code_of(MappedFile::open("")), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(MappedFile::open(std::string("a\0b", 3))), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(MappedFile::open(folder)), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(MappedFile::open("/dev/zero")), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(MappedFile::open(folder / std::string(5000, 'x'))), ErrorCode::invalid_argument);
  const fs::path pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(code_of(MappedFile::open(pipe)), ErrorCode::invalid_argument) << "and does not wait for a writer";
  const fs::path loop = folder / "loop";
  fs::create_symlink(loop, loop);
  EXPECT_EQ(code_of(MappedFile::open(loop)), ErrorCode::invalid_argument);
}

TEST_F(MappedFileTest, L16_SurvivesUnlink) {
  const auto content = random_bytes(50'000, 11);
  const fs::path path = write("gone", content);
  const auto file = MappedFile::open(path);
  ASSERT_TRUE(file);
  fs::remove(path);
  EXPECT_TRUE(holds(file->data(), content));
}

TEST_F(MappedFileTest, L16_SurvivesReplacementByRename) {
  const auto before = random_bytes(50'000, 13);
  const auto after = random_bytes(70'000, 17);
  const fs::path path = write("model", before);
  const auto old = MappedFile::open(path);
  fs::rename(write("new", after), path);
  const auto fresh = MappedFile::open(path);
  ASSERT_TRUE(old && fresh);
  EXPECT_TRUE(holds(old->data(), before));
  EXPECT_TRUE(holds(fresh->data(), after));
}

TEST_F(MappedFileTest, MovingKeepsTheBytes) {
  const auto content = random_bytes(9'001, 19);
  auto opened = MappedFile::open(write("moved", content), {.offset = 5});
  ASSERT_TRUE(opened);
  const std::byte* const address = opened->data().data();
  MappedFile first = *std::move(opened);
  MappedFile second;
  second = std::move(first);
  EXPECT_EQ(second.data().data(), address);
  EXPECT_TRUE(first.data().empty());  // NOLINT(bugprone-use-after-move): what is promised
  EXPECT_TRUE(holds(second.data(), std::span(content).subspan(5)));
}

TEST_F(MappedFileTest, DescriptorsAreNotKept) {
  const fs::path path = write("many", {'x', 'y'});
  std::vector<MappedFile> files;
  for (int i = 0; i < 3000; ++i) {  // more than the usual limit of 1,024 descriptors
    auto file = MappedFile::open(path);
    ASSERT_TRUE(file) << i << " " << file.error().message();
    files.push_back(*std::move(file));
  }
  EXPECT_TRUE(std::ranges::all_of(files, [](const MappedFile& file) { return file.data().size() == 2; }));
}

}  // namespace
}  // namespace laneway
