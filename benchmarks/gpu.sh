#!/bin/bash
# Everything that is worth measuring on a GPU, in one call, some 8 minutes:
#   bash benchmarks/gpu.sh
# Needs an environment (`make setup`, with a build of torch for the GPU) and no network. Each part prints what it is and
# goes on if another fails. The first argument, if any, is a folder that gets the output of each part.
cd "$(dirname "$0")/.." || exit 1
folder=${1:-$(mktemp -d)}
mkdir -p "$folder"

part() {
  echo "== $1: ${*:2}"
  "${@:2}" > "$folder/$1.log" 2>&1 || echo "failed: see $folder/$1.log"
  grep -v -i warn "$folder/$1.log" | tail -n 12
}

part device python -c "import torch; print(torch.__version__, torch.cuda.get_device_name())"

# Model FLOPs utilization against a bare product, and tokens a second: batches of 32 x 512.
for shape in flan_t5_base smollm2_135m; do
  for method in full lora prompt_tuning; do
    part "train-$shape-$method" python -m benchmarks.train_speed --alone --shape "$shape" --method "$method" \
      --batch-size 32 --length 512 --steps 33 --rounds 3
  done
done

# The plan beside measured peaks.
part plan python -m benchmarks.plan_memory --batches 8,32 --methods full,lora

# The smoke experiment, every method in bf16; twice, to see whether equal runs give equal bytes.
for run in first second; do
  part "smoke-$run" dvc exp run --force -S experiment=smoke -S train.precision=bf16 validate generate
  find models/tuned reports/predictions -type f -exec sha256sum {} + | sort -k 2 > "$folder/$run.sha256"
done
part equal-bytes diff "$folder/first.sha256" "$folder/second.sha256"

# Tokens a second of generation, and whether batches write what single prompts do.
part generation python -m benchmarks.generation_speed --run zero_shot --prompts 4 --batch-sizes 4

# A frozen base in bf16 and recomputed activations: memory and tokens a second are in the run records.
for setting in train.base_weights=bf16 train.gradient_checkpointing=true; do
  part "lora-$setting" dvc exp run --force -S experiment=smoke -S train.precision=bf16 -S 'methods=[lora]' -S "$setting" \
    train@lora-17
  cp reports/runs/train/lora-17.json "$folder/lora-$setting.json"
done
echo "everything is in $folder"
