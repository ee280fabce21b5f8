// Faults on demand: each operation that emu_fail can break asks here first.
#pragma once

namespace emu
{

enum FaultKind { fault_allocation = 0, fault_copy = 1, fault_launch = 2, fault_compile = 3, fault_matmul = 4 };

// 0, or the code that this operation has to fail with. Each call counts as one operation of its kind.
int fault(int kind);

}
