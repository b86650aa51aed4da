#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace laneway::ort {

/// The few bytes of FlatBuffers that a LoRA adapter of one tensor is: {format 1, adapter 1, model 1, parameters: [{name, dims, dtype, data}]}.
class AdapterWriter {
 public:
  AdapterWriter(const std::string& name, const std::vector<float>& elements, const std::vector<std::uint32_t>& extents = {4}) {
    put(0), put_text("TORT");
    patch(0, table({4, 8, 12, 16}, 20));
    put(1), put(1), put(1);  // versions
    const std::size_t parameters = put(0);
    patch(parameters, put(1));
    const std::size_t only = put(0);
    patch(only, table({4, 8, 12, 16}, 20));
    const std::size_t name_at = put(0), dims_at = put(0);
    put(1);  // f32
    const std::size_t data_at = put(0);
    patch(name_at, put(static_cast<std::uint32_t>(name.size())));
    put_text(name + '\0');
    align_vector();
    patch(dims_at, put(static_cast<std::uint32_t>(extents.size())));
    for (const std::uint32_t extent : extents) put(extent), put(0);
    align_vector();
    patch(data_at, put(static_cast<std::uint32_t>(elements.size() * sizeof(float))));
    put_text({reinterpret_cast<const char*>(elements.data()), elements.size() * sizeof(float)});
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::size_t put(std::uint32_t value) {
    const std::size_t at = bytes_.size();
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return at;
  }
  void put_text(const std::string& text) {
    bytes_ += text;
    bytes_.resize((bytes_.size() + 3) / 4 * 4);
  }
  void align_vector() {  // of elements of 8 bytes, behind their number
    if (bytes_.size() % 8 == 0) put(0);
  }
  // Where a field points to, counted from itself.
  void patch(std::size_t at, std::size_t target) {
    const auto distance = static_cast<std::uint32_t>(target - at);
    std::memcpy(&bytes_[at], &distance, sizeof distance);
  }
  // The list of a table's fields, and the table's head, which says how far before it that list is.
  std::size_t table(const std::vector<std::uint16_t>& fields, std::uint16_t size) {
    const std::size_t list = bytes_.size();
    const auto put_short = [&](std::size_t value) {
      const auto number = static_cast<std::uint16_t>(value);
      bytes_.append(reinterpret_cast<const char*>(&number), sizeof number);
    };
    put_short(2 * (fields.size() + 2)), put_short(size);
    for (const std::uint16_t field : fields) put_short(field);
    const std::size_t at = put(0);
    const auto distance = static_cast<std::uint32_t>(at - list);
    std::memcpy(&bytes_[at], &distance, sizeof distance);
    return at;
  }

  std::string bytes_;
};

}  // namespace laneway::ort
