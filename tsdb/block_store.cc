#include "tsdb/block_store.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "tsdb/block.h"
#include "tsdb/block_builder.h"
#include "tsdb/block_matcher.h"
#include "tsdb/block_meta.h"
#include "tsdb/block_rewrite.h"
#include "tsdb/block_sample_iterator.h"
#include "tsdb/block_verify.h"
#include "tsdb/block_view.h"
#include "tsdb/rocks_block_files.h"

namespace slowburn::tsdb {
namespace {

using BlockPtr = std::shared_ptr<const Block>;
using TombstoneMap = std::map<BlockId, std::shared_ptr<const std::vector<Tombstone>>>;

SealMark Max(const SealMark& a, const SealMark& b) {
  return {std::max(a.until, b.until), std::max(a.sequence, b.sequence)};
}

bool IsWithin(const SealMark& a, const SealMark& b) {
  return a.until <= b.until && a.sequence <= b.sequence;
}

TombstoneMap ByBlock(const std::vector<Tombstone>& tombstones) {
  std::map<BlockId, std::vector<Tombstone>> lists;
  for (const Tombstone& one : tombstones) lists[one.block].push_back(one);
  TombstoneMap map;
  for (auto& [id, list] : lists)
    map[id] = std::make_shared<const std::vector<Tombstone>>(std::move(list));
  return map;
}

// A block that was written and is to be published.
struct PendingBlock {
  std::unique_ptr<BlockFileWriter> file;
  std::unique_ptr<BlockBuilder> builder;
  std::vector<BlockId> replaces;
};

class Store final : public BlockStore {
 public:
  Store(std::unique_ptr<RocksBlockFiles> files, RocksBlockFiles::Mode mode)
      : files_(std::move(files)), mode_(mode) {}
  void Load();

  std::shared_ptr<const BlockView> View() const override { return Current(); }
  std::unique_ptr<BlockBatch> NewBatch() override;
  absl::Status DropBefore(TimestampMs t) override;
  absl::Status DropToSize(uint64_t bytes) override;
  absl::StatusOr<uint64_t> Delete(const Matchers& matchers, TimeRange range) override;
  absl::Status CleanTombstones() override;
  absl::StatusOr<bool> Rewrite(TimestampMs newest, DurationMs cold_after,
                               const std::function<bool()>& go_on) override;
  absl::Status Verify(
      const std::function<void(uint64_t done, uint64_t total)>& progress) const override;
  absl::Status Checkpoint(const std::string& path) const override {
    return files_->Checkpoint(path);
  }
  BlockStats Stats() const override;
  std::vector<BlockInfo> Blocks() const override { return Current()->blocks(); }

  absl::StatusOr<PendingBlock> NewPending(TimeRange partition, Temperature temperature,
                                          std::vector<BlockId> replaces);
  absl::Status Commit(std::vector<PendingBlock> blocks, SealMark mark) {
    RETURN_IF_ERROR(CheckWritable());
    base::MutexLock lock(change_mu_);
    return CommitLocked(std::move(blocks), mark);
  }

 private:
  struct Quarantined {
    BlockId id = 0;
    uint64_t bytes = 0;
    absl::Status why;
  };
  // What one publication changes. Files and blocks are parallel.
  struct Change {
    std::vector<std::unique_ptr<BlockFileWriter>> files;
    std::vector<BlockPtr> added;
    std::vector<BlockId> removed;
    SealMark mark;
    TombstoneMap tombstones;
    BlockId notes = 0;  // the new notes, when there are some
  };

  absl::StatusOr<BlockPtr> LoadFile(const RocksBlockFiles::File& file, BlockMeta& meta);
  void Quarantine(const RocksBlockFiles::File& file, const absl::Status& why);
  std::shared_ptr<const BlockSet> Current() const;
  void SetState(std::vector<BlockPtr> blocks, TombstoneMap tombstones, SealMark mark)
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status CheckWritable() const;

  absl::Status CommitLocked(std::vector<PendingBlock> blocks, SealMark mark)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mu_);
  Change NewChange() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mu_);
  absl::Status AddBlock(PendingBlock& pending, Change& change)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mu_);
  absl::Status AddNotes(Change& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mu_);
  absl::Status Publish(Change change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mu_);
  bool IsMarkKept(const std::vector<BlockId>& without) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mu_);
  absl::Status Drop(const std::vector<BlockId>& ids) ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mu_);
  absl::Status RemoveDead() ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mu_);
  const Block* Find(BlockId id) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mu_);

  enum class Outcome { kDone, kStopped, kOverrun };  // overrun: somebody else changed the inputs
  absl::StatusOr<Outcome> RewriteBlocks(const std::vector<ViewedBlock>& inputs, TimeRange partition,
                                        Temperature temperature,
                                        const std::function<bool()>& go_on);
  bool AreUnchanged(const std::vector<ViewedBlock>& inputs) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mu_);

  const std::unique_ptr<RocksBlockFiles> files_;
  const RocksBlockFiles::Mode mode_;
  const std::shared_ptr<std::atomic<uint64_t>> damages_ =
      std::make_shared<std::atomic<uint64_t>>(0);
  std::atomic<BlockId> next_id_{1};
  std::vector<Quarantined> quarantined_;  // at opening
  std::vector<LostBlock> lost_;           // those of them that no other block replaces

  // Serialises what changes the set of blocks; before mu_.
  base::Mutex change_mu_;
  uint64_t next_order_ ABSL_GUARDED_BY(change_mu_) = 1;
  BlockId notes_ ABSL_GUARDED_BY(change_mu_) = 0;  // 0: there are none
  SealMark notes_mark_ ABSL_GUARDED_BY(change_mu_);
  // Not to be used any more, but still on disk. Removed all in one step: alone, a block would come
  // back when what replaces it goes.
  std::set<BlockId> dead_ ABSL_GUARDED_BY(change_mu_);

  mutable base::Mutex mu_;
  std::vector<BlockPtr> blocks_ ABSL_GUARDED_BY(mu_);  // with those that turned out damaged
  TombstoneMap tombstones_ ABSL_GUARDED_BY(mu_);
  SealMark mark_ ABSL_GUARDED_BY(mu_);
  mutable std::shared_ptr<const BlockSet> current_ ABSL_GUARDED_BY(mu_);
  mutable uint64_t seen_damages_ ABSL_GUARDED_BY(mu_) = 0;
};

class Batch final : public BlockBatch {
 public:
  explicit Batch(Store& store) : store_(store) {}

  absl::StatusOr<BlockWriter*> NewBlock(TimeRange partition, Temperature temperature,
                                        std::vector<BlockId> replaces) override {
    RETURN_IF_ERROR(FinishLast());
    ASSIGN_OR_RETURN(PendingBlock block,
                     store_.NewPending(partition, temperature, std::move(replaces)));
    blocks_.push_back(std::move(block));
    return blocks_.back().builder.get();
  }

  absl::Status Commit(SealMark mark) override {
    RETURN_IF_ERROR(FinishLast());
    return store_.Commit(std::move(blocks_), mark);
  }

 private:
  absl::Status FinishLast() {
    return blocks_.empty() ? absl::OkStatus() : blocks_.back().builder->Finish();
  }

  Store& store_;
  std::vector<PendingBlock> blocks_;
};

void Store::Quarantine(const RocksBlockFiles::File& file, const absl::Status& why) {
  base::Error("a file of blocks is damaged and left out",
              {{"block", file.id}, {"path", file.path}, {"error", why}});
  quarantined_.push_back({file.id, file.bytes, why});
}

absl::StatusOr<BlockPtr> Store::LoadFile(const RocksBlockFiles::File& file, BlockMeta& meta) {
  ASSIGN_OR_RETURN(std::unique_ptr<BlockFile> opened, files_->OpenFile(file));
  ASSIGN_OR_RETURN(const std::string_view bytes, opened->Get({PartKind::kMeta, 0}));
  RETURN_IF_ERROR(DecodeBlockMeta(bytes, file.id, meta));
  return std::make_shared<const Block>(std::move(opened), meta, damages_);
}

void Store::Load() {
  std::vector<BlockPtr> blocks;
  SealMark mark;
  std::set<BlockId> replaced;
  std::vector<Tombstone> tombstones;
  base::MutexLock lock(change_mu_);
  for (const RocksBlockFiles::File& file : files_->List()) {  // ascending
    next_id_ = file.id + 1;
    BlockMeta meta;
    absl::StatusOr<BlockPtr> block = LoadFile(file, meta);
    if (!block.ok()) {
      Quarantine(file, block.status());
      continue;
    }
    mark = Max(mark, meta.mark);
    next_order_ = std::max(next_order_, meta.order + 1);
    replaced.insert(meta.info.replaces.begin(), meta.info.replaces.end());
    if (meta.type == FileType::kBlock) {
      blocks.push_back(*std::move(block));
      continue;
    }
    if (notes_ != 0) dead_.insert(notes_);
    notes_ = file.id;
    notes_mark_ = meta.mark;
    tombstones = std::move(meta.tombstones);
  }
  std::erase_if(blocks, [&](const BlockPtr& block) {
    const bool dead = replaced.contains(block->info().id);
    if (dead) dead_.insert(block->info().id);
    return dead;
  });
  for (const Quarantined& one : quarantined_) {
    if (replaced.contains(one.id)) {
      dead_.insert(one.id);
    } else {
      lost_.push_back(
          {{kMinTime, kMaxTime},
           absl::StrCat("the file of block ", one.id, " is damaged: its samples are missing")});
    }
  }
  SetState(std::move(blocks), ByBlock(tombstones), mark);
  if (mode_ == RocksBlockFiles::Mode::kReadOnly) return;
  if (const absl::Status status = RemoveDead(); !status.ok())
    base::Warn("replaced blocks stay on disk for now", {{"error", status}});
}

void Store::SetState(std::vector<BlockPtr> blocks, TombstoneMap tombstones, SealMark mark) {
  base::MutexLock lock(mu_);
  blocks_ = std::move(blocks);
  tombstones_ = std::move(tombstones);
  mark_ = mark;
  current_ = nullptr;
}

std::shared_ptr<const BlockSet> Store::Current() const {
  base::MutexLock lock(mu_);
  const uint64_t damages = damages_->load();
  if (current_ != nullptr && damages == seen_damages_) return current_;
  std::vector<ViewedBlock> viewed;
  std::vector<LostBlock> lost = lost_;
  for (const BlockPtr& block : blocks_) {
    if (block->damaged()) {
      lost.push_back(AsLost(block->info()));
      continue;
    }
    const auto tombstones = tombstones_.find(block->info().id);
    viewed.push_back({block, tombstones == tombstones_.end() ? nullptr : tombstones->second});
  }
  seen_damages_ = damages;
  current_ = std::make_shared<const BlockSet>(std::move(viewed), std::move(lost), mark_);
  return current_;
}

absl::Status Store::CheckWritable() const {
  if (mode_ == RocksBlockFiles::Mode::kReadWrite) return absl::OkStatus();
  return absl::FailedPreconditionError("the blocks were opened for reading only");
}

std::unique_ptr<BlockBatch> Store::NewBatch() { return std::make_unique<Batch>(*this); }

absl::StatusOr<PendingBlock> Store::NewPending(TimeRange partition, Temperature temperature,
                                               std::vector<BlockId> replaces) {
  RETURN_IF_ERROR(CheckWritable());
  if (partition.empty()) return absl::InvalidArgumentError("an empty partition");
  PendingBlock block;
  ASSIGN_OR_RETURN(block.file, files_->NewFile(next_id_++));
  block.builder = std::make_unique<BlockBuilder>(partition, temperature, *block.file);
  block.replaces = std::move(replaces);
  return block;
}

const Block* Store::Find(BlockId id) const {
  base::MutexLock lock(mu_);
  for (const BlockPtr& block : blocks_) {
    if (block->info().id == id) return block.get();
  }
  return nullptr;
}

Store::Change Store::NewChange() const {
  Change change;
  base::MutexLock lock(mu_);
  change.mark = mark_;
  change.tombstones = tombstones_;
  return change;
}

absl::Status Store::AddBlock(PendingBlock& pending, Change& change) {
  BlockMeta meta;
  meta.info = pending.builder->info();
  meta.info.id = pending.file->id();
  meta.info.replaces = std::move(pending.replaces);
  meta.mark = change.mark;
  for (const BlockId id : meta.info.replaces) {
    if (const Block* block = Find(id)) meta.order = std::max(meta.order, block->order());
  }
  if (meta.order == 0) meta.order = next_order_++;
  RETURN_IF_ERROR(pending.file->Put({PartKind::kMeta, 0}, EncodeBlockMeta(meta)));
  RETURN_IF_ERROR(pending.file->Finish());
  // Opened before it is published, so that nothing can fail afterwards.
  const RocksBlockFiles::File file{pending.file->id(), pending.file->path(), pending.file->bytes()};
  absl::StatusOr<std::unique_ptr<BlockFile>> opened = files_->OpenFile(file);
  if (!opened.ok()) return absl::UnavailableError(opened.status().message());
  change.removed.insert(change.removed.end(), meta.info.replaces.begin(), meta.info.replaces.end());
  change.added.push_back(
      std::make_shared<const Block>(*std::move(opened), std::move(meta), damages_));
  change.files.push_back(std::move(pending.file));
  return absl::OkStatus();
}

absl::Status Store::AddNotes(Change& change) {
  BlockMeta meta;
  meta.type = FileType::kNotes;
  meta.mark = change.mark;
  meta.info.replaces = change.removed;
  for (const auto& [id, list] : change.tombstones) {
    const bool removed =
        std::find(change.removed.begin(), change.removed.end(), id) != change.removed.end();
    if (removed || Find(id) == nullptr) continue;
    meta.tombstones.insert(meta.tombstones.end(), list->begin(), list->end());
  }
  ASSIGN_OR_RETURN(std::unique_ptr<BlockFileWriter> file, files_->NewFile(next_id_++));
  RETURN_IF_ERROR(file->Put({PartKind::kMeta, 0}, EncodeBlockMeta(meta)));
  RETURN_IF_ERROR(file->Finish());
  change.notes = file->id();
  change.files.push_back(std::move(file));
  return absl::OkStatus();
}

absl::Status Store::Publish(Change change) {
  if (change.files.empty()) return absl::OkStatus();
  std::vector<BlockFileWriter*> files;
  for (const auto& file : change.files) files.push_back(file.get());
  RETURN_IF_ERROR(files_->Publish(files));
  std::vector<BlockPtr> blocks;
  {
    base::MutexLock lock(mu_);
    blocks = blocks_;
  }
  std::erase_if(blocks, [&](const BlockPtr& block) {
    return std::find(change.removed.begin(), change.removed.end(), block->info().id) !=
           change.removed.end();
  });
  blocks.insert(blocks.end(), change.added.begin(), change.added.end());
  for (const BlockId id : change.removed) change.tombstones.erase(id);
  SetState(std::move(blocks), std::move(change.tombstones), change.mark);
  dead_.insert(change.removed.begin(), change.removed.end());
  if (change.notes != 0) {
    if (notes_ != 0) dead_.insert(notes_);
    notes_ = change.notes;
    notes_mark_ = change.mark;
  }
  if (const absl::Status status = RemoveDead(); !status.ok())
    base::Warn("replaced blocks stay on disk for now", {{"error", status}});
  return absl::OkStatus();
}

absl::Status Store::RemoveDead() {
  if (dead_.empty()) return absl::OkStatus();
  const std::vector<BlockId> ids(dead_.begin(), dead_.end());
  RETURN_IF_ERROR(files_->Remove(ids));
  dead_.clear();
  return absl::OkStatus();
}

absl::Status Store::CommitLocked(std::vector<PendingBlock> blocks, SealMark mark) {
  Change change = NewChange();
  const bool new_mark = !IsWithin(mark, change.mark);
  change.mark = Max(mark, change.mark);
  std::vector<BlockId> emptied;  // replaced by nothing
  for (PendingBlock& block : blocks) {
    if (block.builder->info().series > 0) {
      RETURN_IF_ERROR(AddBlock(block, change));
    } else {
      emptied.insert(emptied.end(), block.replaces.begin(), block.replaces.end());
    }
  }
  const bool wants_notes = !emptied.empty() || (new_mark && change.files.empty());
  change.removed.insert(change.removed.end(), emptied.begin(), emptied.end());
  if (wants_notes) RETURN_IF_ERROR(AddNotes(change));
  return Publish(std::move(change));
}

bool Store::IsMarkKept(const std::vector<BlockId>& without) const {
  SealMark kept = notes_mark_;
  base::MutexLock lock(mu_);
  for (const BlockPtr& block : blocks_) {
    if (std::find(without.begin(), without.end(), block->info().id) == without.end())
      kept = Max(kept, block->meta().mark);
  }
  return IsWithin(mark_, kept);
}

// Without anything in their place.
absl::Status Store::Drop(const std::vector<BlockId>& ids) {
  if (!ids.empty() && !IsMarkKept(ids)) {
    Change notes = NewChange();
    notes.removed = ids;
    RETURN_IF_ERROR(AddNotes(notes));
    return Publish(std::move(notes));
  }
  std::vector<BlockPtr> blocks;
  Change change = NewChange();
  {
    base::MutexLock lock(mu_);
    blocks = blocks_;
  }
  std::erase_if(blocks, [&](const BlockPtr& block) {
    return std::find(ids.begin(), ids.end(), block->info().id) != ids.end();
  });
  if (!ids.empty()) SetState(std::move(blocks), std::move(change.tombstones), change.mark);
  dead_.insert(ids.begin(), ids.end());
  return RemoveDead();
}

absl::Status Store::DropBefore(TimestampMs t) {
  RETURN_IF_ERROR(CheckWritable());
  base::MutexLock lock(change_mu_);
  std::vector<BlockId> ids;
  {
    base::MutexLock state_lock(mu_);
    for (const BlockPtr& block : blocks_) {
      if (block->info().max_t < t) ids.push_back(block->info().id);
    }
  }
  return Drop(ids);
}

absl::Status Store::DropToSize(uint64_t bytes) {
  RETURN_IF_ERROR(CheckWritable());
  base::MutexLock lock(change_mu_);
  std::map<BlockId, uint64_t> sizes;
  std::vector<BlockInfo> infos;
  uint64_t total = 0;
  {
    base::MutexLock state_lock(mu_);
    for (const BlockPtr& block : blocks_) {
      infos.push_back(block->info());
      total += sizes[block->info().id] = block->file().bytes();
    }
  }
  std::vector<BlockId> ids;
  const std::vector<std::vector<BlockInfo>> partitions = OverlappingBlocks(std::move(infos));
  for (size_t i = 0; i + 1 < partitions.size() && total > bytes; ++i) {
    for (const BlockInfo& block : partitions[i]) {
      ids.push_back(block.id);
      total -= sizes[block.id];
    }
  }
  return Drop(ids);
}

absl::StatusOr<uint64_t> Store::Delete(const Matchers& matchers, TimeRange range) {
  RETURN_IF_ERROR(CheckWritable());
  base::MutexLock lock(change_mu_);
  Change change = NewChange();
  uint64_t touched = 0;
  BlockMatcher matcher(matchers);
  for (const ViewedBlock& viewed : Current()->viewed()) {
    const Block& block = *viewed.block;
    if (!block.Overlaps(range)) continue;
    const absl::StatusOr<const BlockIndex*> index = block.Index();
    const absl::StatusOr<Runs> matching = index.ok() ? matcher.Select(**index) : index.status();
    if (!matching.ok()) {
      block.MarkDamaged(matching.status());
      continue;
    }
    const auto reads = std::make_shared<BlockReads>(std::vector<ViewedBlock>{viewed}, range);
    Tombstone tombstone{block.info().id, range, {}};
    for (const Run& run : *matching) {
      for (uint32_t s = run.begin; s < run.end; ++s) {
        const SeriesMerge::Part part{0, s};
        if (!BlockSampleIterator(reads, nullptr, {&part, 1}).HasNext()) continue;
        AppendRun(tombstone.series, {s, s + 1});
        ++touched;
      }
    }
    if (tombstone.series.empty()) continue;
    auto list = std::make_shared<std::vector<Tombstone>>();
    if (viewed.tombstones != nullptr) *list = *viewed.tombstones;
    list->push_back(std::move(tombstone));
    change.tombstones[block.info().id] = std::move(list);
  }
  if (touched == 0) return touched;
  RETURN_IF_ERROR(AddNotes(change));
  RETURN_IF_ERROR(Publish(std::move(change)));
  return touched;
}

bool Store::AreUnchanged(const std::vector<ViewedBlock>& inputs) const {
  base::MutexLock lock(mu_);
  return std::all_of(inputs.begin(), inputs.end(), [&](const ViewedBlock& input) {
    const auto tombstones = tombstones_.find(input.block->info().id);
    return !input.block->damaged() &&
           std::find(blocks_.begin(), blocks_.end(), input.block) != blocks_.end() &&
           (tombstones == tombstones_.end() ? nullptr : tombstones->second) == input.tombstones;
  });
}

absl::StatusOr<Store::Outcome> Store::RewriteBlocks(const std::vector<ViewedBlock>& inputs,
                                                    TimeRange partition, Temperature temperature,
                                                    const std::function<bool()>& go_on) {
  std::vector<BlockId> replaces;
  for (const ViewedBlock& input : inputs) replaces.push_back(input.block->info().id);
  ASSIGN_OR_RETURN(PendingBlock pending, NewPending(partition, temperature, std::move(replaces)));
  const std::unique_ptr<SeriesSet> set = SelectFromBlocks(inputs, {}, {});
  while (set->Next()) {
    if (!go_on()) return Outcome::kStopped;
    RETURN_IF_ERROR(pending.builder->AddSeries(set->labels()));
    const std::unique_ptr<SampleIterator> samples = set->samples();
    SampleBatch batch;
    while (samples->Next(batch)) RETURN_IF_ERROR(pending.builder->AddSamples(batch));
  }
  RETURN_IF_ERROR(pending.builder->Finish());
  if (!go_on()) return Outcome::kStopped;
  std::vector<PendingBlock> blocks;
  blocks.push_back(std::move(pending));
  base::MutexLock lock(change_mu_);
  if (!AreUnchanged(inputs)) return Outcome::kOverrun;
  RETURN_IF_ERROR(CommitLocked(std::move(blocks), {}));
  return Outcome::kDone;
}

absl::Status Store::CleanTombstones() {
  RETURN_IF_ERROR(CheckWritable());
  while (true) {
    const std::shared_ptr<const BlockSet> set = Current();
    const auto it =
        std::find_if(set->viewed().begin(), set->viewed().end(),
                     [](const ViewedBlock& viewed) { return viewed.tombstones != nullptr; });
    if (it == set->viewed().end()) return absl::OkStatus();
    const BlockInfo& info = it->block->info();
    const auto go_on = [] { return true; };
    RETURN_IF_ERROR(RewriteBlocks({*it}, info.partition, info.temperature, go_on).status());
  }
}

absl::StatusOr<bool> Store::Rewrite(TimestampMs newest, DurationMs cold_after,
                                    const std::function<bool()>& go_on) {
  RETURN_IF_ERROR(CheckWritable());
  const std::shared_ptr<const BlockSet> set = Current();
  const RewritePlan plan = PlanRewrite(set->blocks(), newest, cold_after);
  if (plan.inputs.empty() || !go_on()) return false;
  std::vector<ViewedBlock> inputs;
  for (const ViewedBlock& viewed : set->viewed()) {
    const BlockId id = viewed.block->info().id;
    if (std::find(plan.inputs.begin(), plan.inputs.end(), id) != plan.inputs.end())
      inputs.push_back(viewed);
  }
  ASSIGN_OR_RETURN(const Outcome outcome,
                   RewriteBlocks(inputs, plan.partition, plan.temperature, go_on));
  return outcome != Outcome::kStopped;
}

absl::Status Store::Verify(
    const std::function<void(uint64_t done, uint64_t total)>& progress) const {
  if (!quarantined_.empty()) {
    const Quarantined& first = quarantined_.front();
    return base::Annotate(first.why, absl::StrCat("block ", first.id));
  }
  std::vector<BlockPtr> blocks;
  {
    base::MutexLock lock(mu_);
    blocks = blocks_;
  }
  uint64_t done = 0, total = 0;
  for (const BlockPtr& block : blocks) total += block->file().bytes();
  for (const BlockPtr& block : blocks) {
    RETURN_IF_ERROR(base::Annotate(VerifyBlock(*block), absl::StrCat("block ", block->info().id)));
    done += block->file().bytes();
    if (progress) progress(done, total);
  }
  return absl::OkStatus();
}

BlockStats Store::Stats() const {
  BlockStats stats;
  stats.quarantined = quarantined_.size() + damages_->load();
  for (const ViewedBlock& viewed : Current()->viewed()) {
    const BlockInfo& info = viewed.block->info();
    ++stats.blocks;
    stats.series += info.series;
    stats.samples += info.samples;
    stats.data_bytes += info.data_bytes;
    stats.index_bytes += info.index_bytes;
    stats.file_bytes += viewed.block->file().bytes();
  }
  return stats;
}

absl::StatusOr<std::unique_ptr<BlockStore>> OpenStore(const std::string& path, void* env,
                                                      RocksBlockFiles::Mode mode) {
  ASSIGN_OR_RETURN(std::unique_ptr<RocksBlockFiles> files, RocksBlockFiles::Open(path, env, mode));
  auto store = std::make_unique<Store>(std::move(files), mode);
  store->Load();
  return store;
}

}  // namespace

absl::StatusOr<std::unique_ptr<BlockStore>> BlockStore::Open(const std::string& path, void* env) {
  return OpenStore(path, env, RocksBlockFiles::Mode::kReadWrite);
}

absl::StatusOr<std::unique_ptr<BlockStore>> BlockStore::OpenReadOnly(const std::string& path) {
  return OpenStore(path, nullptr, RocksBlockFiles::Mode::kReadOnly);
}

}  // namespace slowburn::tsdb
