// Tables that people read: Audit and Report.
#include <algorithm>
#include <array>
#include <cstdio>

#include "laneway/runtime/audit.h"
#include "laneway/runtime/runtime.h"

namespace laneway {
namespace {

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
    text += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  }
  return text;
}

std::string hex(const void* address) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%p", address);
  return address ? text.data() : "-";
}

}  // namespace

Expected<> Audit::require_zero_copy() const {
  std::string copied;
  for (const AuditedPort& port : ports) {
    if (!port.copied.empty()) copied += (copied.empty() ? "" : "; ") + port.lane + ", port " + port.port + ": " + port.copied;
  }
  if (copied.empty()) return {};
  return Error(ErrorCode::failed_precondition, "audit: copied at each run: expected no copy, got " + copied);
}

std::string Audit::text() const {
  std::vector<std::vector<std::string>> rows = {{"lane", "port", "", "address", "bytes", "placement", "owner", "copied"}};
  for (const AuditedPort& port : ports) {
    rows.push_back({port.lane, port.port, port.input ? "in" : "out", hex(port.address), std::to_string(port.bytes),
                    std::string(name(port.placement)), port.owner, port.copied.empty() ? "no" : port.copied});
  }
  return table(rows);
}

std::string Report::text() const {
  std::vector<std::vector<std::string>> rows = {{"engine", engine + " (" + reason + ")"},
                                                {"weights", std::to_string(weight_bytes) + " bytes"},
                                                {"lanes", std::to_string(lanes) + ", " + std::to_string(lane_bytes) + " bytes"}};
  if (cache.requests != 0 || cache.builds != 0) {
    rows.push_back({"buckets", std::to_string(cache.buckets) + ", " + std::to_string(cache.bytes) + " bytes"});
    rows.push_back({"requests", std::to_string(cache.requests) + " (" + std::to_string(cache.hits) + " hits, " +
                                    std::to_string(cache.misses) + " misses)"});
    rows.push_back({"builds", std::to_string(cache.builds) + " (" + std::to_string(cache.build_failures) + " failed), " +
                                  std::to_string(cache.evictions) + " evictions"});
  }
  for (const EngineNote& note : notes) rows.push_back({note.key, note.value});
  return table(rows);
}

}  // namespace laneway
