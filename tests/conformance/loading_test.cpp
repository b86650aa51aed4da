// L01, L02, L16, L42, L46: where models come from, and what of them is fixed at open.
#include <sys/fsuid.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "conformance/conformance.h"
#include "laneway/memory/mapped_file.h"

namespace laneway::conformance {
namespace {

namespace fs = std::filesystem;

// A folder of the test's own, gone with it.
class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "laneway-XXXXXX").string();
    if (!mkdtemp(pattern.data())) throw std::runtime_error("no folder for the test: " + pattern);
    path_ = pattern;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  fs::path write(const char* name, std::span<const std::byte> bytes) const {
    std::ofstream(path_ / name, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
    return path_ / name;
  }
  fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

// Root may read everything; as nobody, on this thread alone, it may not.
class AsNobody {
 public:
  AsNobody() { setfsuid(65534); }
  ~AsNobody() { setfsuid(geteuid()); }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;
};

std::vector<std::byte> bytes_of(const Subject& subject) {
  const auto& bytes = std::get<ModelBytes>(subject.model.get()).bytes;
  return {bytes.begin(), bytes.end()};
}

RuntimeSpec with_model(const Subject& subject, ModelSource model) {
  return {.model = std::move(model), .engine = subject.engine};
}

std::vector<float> run(Runtime& runtime, const std::vector<float>& x) {
  Lane& lane = *runtime.lanes()[0];
  write(lane, 0, x);
  must(lane.run());
  return read<float>(lane, 0);
}

TEST_P(Conformance, L01_ReportsPortsAsTheModelDeclaresThem) {
  Runtime runtime = must(open(spec("mnist")));
  ASSERT_EQ(runtime.inputs().size(), 1u);
  ASSERT_EQ(runtime.outputs().size(), 1u);
  EXPECT_EQ(runtime.inputs()[0].name, "image");
  EXPECT_EQ(runtime.inputs()[0].dtype, DType::f32);
  EXPECT_EQ(describe_shape(runtime.inputs()[0]), "[1, 1, 28, 28]");
  EXPECT_EQ(runtime.outputs()[0].name, "logits");
  EXPECT_EQ(describe_shape(runtime.outputs()[0]), "[1, 10]");
  EXPECT_EQ(must(runtime.lanes()[0]->input<float>("image")).size(), 784u);
  EXPECT_EQ(run(runtime, floats(784)).size(), 10u);
}

TEST_P(Conformance, L02_FileAndBytesGiveIdenticalOutputs) {
  const Folder folder;
  const Subject subject = GetParam().model("mlp");
  const fs::path path = folder.write("mlp.onnx", bytes_of(subject));
  Runtime from_bytes = must(open(with_model(subject, subject.model)));
  Runtime from_file = must(open(with_model(subject, ModelFile{path})));
  for (int i = 0; i < 5; ++i) {
    const std::vector<float> x = floats(32);
    EXPECT_EQ(run(from_bytes, x), run(from_file, x));
  }
}

TEST_P(Conformance, L02_MissingFileIsNotFound) {
  const Folder folder;
  const Subject subject = GetParam().model("mlp");
  expect_error(open(with_model(subject, ModelFile{folder / "none.onnx"})), ErrorCode::not_found, {"none.onnx"});
}

TEST_P(Conformance, L02_UnreadableFileIsPermissionDenied) {
  const Folder folder;
  const Subject subject = GetParam().model("mlp");
  const fs::path path = folder.write("secret.onnx", bytes_of(subject));
  fs::permissions(path, fs::perms::none);
  const AsNobody nobody;
  expect_error(open(with_model(subject, ModelFile{path})), ErrorCode::permission_denied, {"secret.onnx"});
}

TEST_P(Conformance, L02_GarbageAndTruncatedModelsAreInvalid) {
  const Folder folder;
  const Subject subject = GetParam().model("mlp");
  const std::vector<std::byte> whole = bytes_of(subject);
  std::vector<std::byte> garbage(500);
  for (std::byte& byte : garbage) byte = static_cast<std::byte>(between(0, 255));
  for (const auto& bytes : {std::span(garbage), std::span(garbage).first(1)}) {
    expect_error(open(with_model(subject, ModelBytes{bytes})), ErrorCode::invalid_argument);
    expect_error(open(with_model(subject, ModelFile{folder.write("garbage.onnx", bytes)})), ErrorCode::invalid_argument);
  }
  for (const std::size_t kept : {std::size_t{1}, std::size_t{17}, whole.size() / 2, whole.size() - 1}) {
    const std::span<const std::byte> bytes = std::span(whole).first(kept);
    expect_error(open(with_model(subject, ModelBytes{bytes})), ErrorCode::invalid_argument);
    expect_error(open(with_model(subject, ModelFile{folder.write("truncated.onnx", bytes)})), ErrorCode::invalid_argument);
  }
}

TEST_P(Conformance, L02_EmptyOrWrongNamesAreInvalid) {
  const Subject subject = GetParam().model("two_inputs");
  expect_error(open(with_model(subject, ModelBytes{})), ErrorCode::invalid_argument, {"model", "empty"});
  expect_error(open(with_model(subject, ModelFile{""})), ErrorCode::invalid_argument, {"model", "empty"});
  expect_error(open(with_model(subject, ModelFile{std::string("a\0b", 3)})), ErrorCode::invalid_argument, {"model", "NUL"});
  expect_error(open(with_model(subject, OpenEngine{})), ErrorCode::invalid_argument, {"model"});
  RuntimeSpec named = with_model(subject, subject.model);
  named.outputs = {std::string("y\0z", 3)};
  expect_error(open(named), ErrorCode::invalid_argument, {"outputs", "NUL"});
}

TEST_P(Conformance, L02_NoLanesOrThreadsIsInvalid) {
  for (const int count : {0, -1}) {
    RuntimeSpec lanes = spec("two_inputs", {{"batch", 1}});
    lanes.lanes = count;
    expect_error(open(lanes), ErrorCode::invalid_argument, {"lanes", std::to_string(count)});
    RuntimeSpec threads = spec("two_inputs", {{"batch", 1}});
    threads.threads.count = count;
    expect_error(open(threads), ErrorCode::invalid_argument, {"threads", std::to_string(count)});
  }
}

TEST_P(Conformance, L16_FilesMayBeUnlinkedOrReplacedOnceOpen) {
  const Folder folder;
  const Subject subject = GetParam().model("mlp");
  const fs::path unlinked = folder.write("unlinked.onnx", bytes_of(subject));
  const fs::path replaced = folder.write("replaced.onnx", bytes_of(subject));
  Runtime reference = must(open(with_model(subject, subject.model)));
  Runtime first = must(open(with_model(subject, ModelFile{unlinked})));
  Runtime second = must(open(with_model(subject, ModelFile{replaced})));
  fs::remove(unlinked);
  fs::rename(folder.write("other", std::vector<std::byte>(10'000)), replaced);
  const std::vector<float> x = floats(32);
  EXPECT_EQ(run(first, x), run(reference, x));
  EXPECT_EQ(run(second, x), run(reference, x));
}

TEST_P(Conformance, L16_BytesWithoutOwnerMayBeFreedOnceOpen) {
  const Subject subject = GetParam().model("two_inputs");
  std::vector<std::byte> bytes = bytes_of(subject);
  RuntimeSpec made = with_model(subject, ModelBytes{bytes});
  made.dimensions = {{"batch", 2}};
  Runtime runtime = must(open(made));
  std::ranges::fill(bytes, std::byte{0xff});
  bytes = {};
  Lane& lane = *runtime.lanes()[0];
  const std::vector<float> a = floats(8), b = floats(8);
  write(lane, "a", a);
  write(lane, "b", b);
  must(lane.run());
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(read<float>(lane, "y")[i], a[i] - b[i]);
}

TEST_P(Conformance, L16_TheOwnerOfBytesGoesWithTheEngine) {
  const Subject subject = GetParam().model("two_inputs");
  auto owner = std::make_shared<std::vector<std::byte>>(bytes_of(subject));
  const std::weak_ptr<void> watched = owner;
  RuntimeSpec made = with_model(subject, ModelBytes{*owner, owner});
  made.dimensions = {{"batch", 2}};
  std::shared_ptr<Lane> lane;
  {
    Runtime runtime = must(open(made));
    Runtime other = must(open({.model = runtime.engine(), .dimensions = made.dimensions}));
    made.model = ModelBytes{};
    owner.reset();
    const bool used_where_they_lie = !watched.expired();
    lane = other.lanes()[0];
    runtime = std::move(other);
    EXPECT_EQ(!watched.expired(), used_where_they_lie) << "a lane keeps its engine, and nobody else anything";
  }
  must(lane->run());
  lane.reset();
  EXPECT_TRUE(watched.expired());
}

// x [1, 32] -> y = x w0.
struct Weights {
  static constexpr std::size_t width = 32;
  std::vector<float> w;

  std::vector<float> times(const std::vector<float>& x) const {
    std::vector<float> y;
    for (std::size_t j = 0; j < width; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < width; ++k) sum += static_cast<double>(x[k]) * w[k * width + j];
      y.push_back(static_cast<float>(sum));
    }
    return y;
  }
  WeightOverride override_with(const void* data, std::shared_ptr<const void> owner = nullptr) const {
    return {.name = "w0",
            .shape = Shape{width, width},
            .memory = {const_cast<void*>(data), width * width * sizeof(float)},
            .owner = std::move(owner)};
  }
};

TEST_P(Conformance, L42_WeightsComeFromMemory) {
  auto values = std::make_shared<Weights>(Weights{floats(Weights::width * Weights::width)});
  RuntimeSpec made = spec("wide_mlp");
  made.weights = {values->override_with(values->w.data(), values)};
  const std::weak_ptr<Weights> watched = values;
  const Weights expected = *values;
  {
    Runtime runtime = must(open(made));
    made.weights.clear();
    values.reset();
    EXPECT_TRUE(runtime.spec().weights.empty()) << "they are the engine's";
    const std::vector<float> x = floats(Weights::width);
    expect_near(run(runtime, x), expected.times(x));
  }
  EXPECT_TRUE(watched.expired()) << "the owner of a weight goes with the engine";
}

TEST_P(Conformance, L42_WeightsComeFromAMappedFileAndAnOffsetInOne) {
  const Folder folder;
  const Weights values{floats(Weights::width * Weights::width)};
  const auto bytes = std::as_bytes(std::span(values.w));
  std::vector<std::byte> behind(4096 + 64, std::byte{0x7f});
  behind.insert(behind.end(), bytes.begin(), bytes.end());
  const std::vector<float> x = floats(Weights::width);
  const std::pair<fs::path, std::size_t> sources[] = {{folder.write("plain", bytes), 0},
                                                      {folder.write("behind", behind), 4096 + 64}};
  for (const auto& [path, offset] : sources) {
    auto file = std::make_shared<MappedFile>(must(MappedFile::open(path, {.offset = offset})));
    RuntimeSpec made = spec("wide_mlp");
    made.weights = {values.override_with(file->data().data(), file)};
    Runtime runtime = must(open(made));
    fs::remove(path);
    expect_near(run(runtime, x), values.times(x));
  }
}

TEST_P(Conformance, L42_WrongOverridesAreRefusedByName) {
  const Weights values{floats(Weights::width * Weights::width)};
  const auto refused = [&](auto change, std::initializer_list<ErrorCode> codes, std::initializer_list<std::string> parts) {
    RuntimeSpec made = spec("wide_mlp");
    made.weights = {values.override_with(values.w.data())};
    change(made.weights[0]);
    expect_error(open(made), codes, parts);
  };
  refused([](WeightOverride& w) { w.name = "w7"; }, {ErrorCode::not_found}, {"w7"});
  refused([](WeightOverride& w) { w.dtype = DType::f64; }, {ErrorCode::invalid_argument}, {"w0", "f32", "f64"});
  refused([](WeightOverride& w) { w.shape = Shape{16, 64}; }, {ErrorCode::invalid_argument}, {"w0", "[32, 32]", "[16, 64]"});
  refused([](WeightOverride& w) { w.memory.bytes -= 1; }, {ErrorCode::invalid_argument}, {"w0", "4096", "4095"});
  refused([](WeightOverride& w) { w.memory.data = nullptr; }, {ErrorCode::invalid_argument}, {"w0"});
}

TEST_P(Conformance, L42_LanesShareAnOverride) {
  auto values = std::make_shared<Weights>(Weights{floats(Weights::width * Weights::width)});
  RuntimeSpec made = spec("wide_mlp");
  made.weights = {values->override_with(values->w.data(), values)};
  made.lanes = 4;
  Runtime four = must(open(made));
  made.lanes = 1;
  Runtime one = must(open(made));
  EXPECT_EQ(four.report().weight_bytes, one.report().weight_bytes);
  const std::vector<float> x = floats(Weights::width);
  for (const auto& lane : four.lanes()) {
    write(*lane, "x", x);
    must(lane->run());
    EXPECT_EQ(read<float>(*lane, "y"), run(one, x));
  }
}

TEST_P(Conformance, L46_DimensionsAreFixedByNameForAllPortsAtOnce) {
  Runtime runtime = must(open(spec("mixed_dtypes", {{"batch", 3}})));
  EXPECT_EQ(describe_shape(runtime.inputs()[0]), "[3, 4]");
  EXPECT_EQ(describe_shape(runtime.inputs()[1]), "[3, 2]");
  EXPECT_EQ(describe_shape(runtime.outputs()[0]), "[3, 4]");
  EXPECT_EQ(describe_shape(runtime.outputs()[1]), "[3, 2]");
  EXPECT_EQ(must(runtime.lanes()[0]->input<std::int64_t>("B")).size(), 6u);
}

TEST_P(Conformance, L46_DimensionsWithoutANameAreCalledByPortAndAxis) {
  Runtime runtime = must(open(spec("resize_like", {{"x.0", 1}, {"x.1", 2}, {"x.2", 5}})));
  EXPECT_EQ(to_string(must(runtime.lanes()[0]->input_shape("x"))), "[1, 2, 5, 3]");
  RuntimeSpec varying = spec("resize_like", {{"x.0", 1}, {"x.1", 2}});
  varying.buckets = BucketSpec{.ladders = {{.dimension = "x.2", .from = 1, .to = 8}}};
  Runtime bucketed = must(open(varying));
  Lease lease = must(bucketed.lease({{"x.2", 5}}));
  EXPECT_EQ(lease.capacity()[0], (NamedExtent{"x.2", 8}));
  must(lease->resize({{"x.2", 3}}));
  EXPECT_EQ(to_string(must(lease->input_shape("x"))), "[1, 2, 3, 3]");
}

TEST_P(Conformance, L46_UnknownNamesAndOtherExtentsAreRefused) {
  expect_error(open(spec("two_inputs", {{"batch", 1}, {"bacth", 1}})), ErrorCode::not_found, {"bacth", "batch"});
  expect_error(open(spec("two_inputs", {{"batch", -1}})), ErrorCode::invalid_argument, {"batch", "-1"});
  expect_error(open(spec("two_inputs", {{"batch", 1}, {"batch", 2}})), ErrorCode::invalid_argument, {"batch"});
  RuntimeSpec disagreeing = spec("two_inputs", {{"batch", 2}});
  disagreeing.ports = {{.name = "b", .shape = Shape{3, 4}}};
  expect_error(open(disagreeing), ErrorCode::invalid_argument, {"b", "[2, 4]", "[3, 4]"});
}

}  // namespace
}  // namespace laneway::conformance
