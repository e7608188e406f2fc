// Between Renode and the Python models: the types that board.repl names, and what the engine needs of a machine.
//
// Renode compiles this file when it is included. A block here holds no behaviour: it hands accesses, wires, bytes and
// frames to the functions that the engine sets. Where none are set (Renode without Python), it warns once and reads
// zero. C# 7.2, so that the compilers of mono and of .NET builds of Renode both take it.
//
// What is called often goes both ways through native function pointers: a call costs a tenth of one of a delegate.

using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using System.Threading;

using Antmicro.Renode.Core;
using Antmicro.Renode.Core.Structure;
using Antmicro.Renode.Logging;
using Antmicro.Renode.Network;
using Antmicro.Renode.Peripherals.Bus;
using Antmicro.Renode.Peripherals.CPU;
using Antmicro.Renode.Peripherals.Miscellaneous;
using Antmicro.Renode.Peripherals.Network;
using Antmicro.Renode.Peripherals.Timers;
using Antmicro.Renode.Peripherals.UART;
using Antmicro.Renode.Sockets;
using Antmicro.Renode.Time;
using Antmicro.Renode.Utilities;
using Antmicro.Renode.Utilities.GDB;

namespace Antmicro.Renode.Peripherals.Beken
{
    // Offsets and widths are bytes.
    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate uint ReadFunction(long offset, int width);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate void WriteFunction(long offset, uint value, int width);

    // Of the input or output `number`.
    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate void LevelFunction(int number, int level);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate ulong TimeFunction();

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate void ArmFunction(ulong nanoseconds);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate void EventFunction();

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate long EnterFunction();

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate void LeaveFunction(long state);

    // Python's state of a thread, which takes most of the time of a call where each makes and drops one: a thread that
    // calls often keeps its own. Renode makes a thread for each run, so the states of those that have ended are dropped.
    public static class ThreadStates
    {
        public static void Connect(long enter, long leave)
        {
            ThreadStates.enter = Marshal.GetDelegateForFunctionPointer<EnterFunction>(new IntPtr(enter));
            ThreadStates.leave = Marshal.GetDelegateForFunctionPointer<LeaveFunction>(new IntPtr(leave));
        }

        public static void Keep()
        {
            if(!kept)
            {
                kept = true;
                KeepState();
            }
        }

        private static void KeepState()
        {
            lock(states)
            {
                foreach(var ended in states.Keys.Where(thread => !thread.IsAlive).ToArray())
                {
                    leave(states[ended]);
                    states.Remove(ended);
                }
                var state = enter();
                if(state != 0)
                {
                    states.Add(Thread.CurrentThread, state);
                }
            }
        }

        [ThreadStatic]
        private static bool kept;

        private static EnterFunction enter;
        private static LeaveFunction leave;
        private static readonly Dictionary<Thread, long> states = new Dictionary<Thread, long>();
    }

    // A block on the bus. `model`, `lines` and `args` are what the .repl says; the engine reads them from its own copy.
    // Devices register on it, at a number or without one; which of them it takes, the engine checks.
    public class PyPeripheral : IBytePeripheral, IWordPeripheral, IDoubleWordPeripheral, IKnownSize,
        INumberedGPIOOutput, IGPIOReceiver,
        IPeripheralContainer<PyDevice, NullRegistrationPoint>, IPeripheralContainer<PyDevice, NumberRegistrationPoint<int>>
    {
        public PyPeripheral(IMachine machine, string model, long size, int lines = 0, string args = "")
        {
            Machine = machine;
            Model = model;
            Size = size;
            IRQ = new GPIO();
            var connections = new Dictionary<int, IGPIO>();
            for(var i = 0; i < lines; i++)
            {
                connections[i] = new GPIO();
            }
            Connections = connections;
            drive = Drive;
        }

        public byte ReadByte(long offset)
        {
            return (byte)Access(offset, 1);
        }

        public ushort ReadWord(long offset)
        {
            return (ushort)Access(offset, 2);
        }

        public uint ReadDoubleWord(long offset)
        {
            return Access(offset, 4);
        }

        public void WriteByte(long offset, byte value)
        {
            Access(offset, value, 1);
        }

        public void WriteWord(long offset, ushort value)
        {
            Access(offset, value, 2);
        }

        public void WriteDoubleWord(long offset, uint value)
        {
            Access(offset, value, 4);
        }

        public void OnGPIO(int number, bool value)
        {
            Guarded(() => input?.Invoke(number, value ? 1 : 0));
        }

        public void Reset()
        {
            Guarded(() => ResetModel?.Invoke());
        }

        public void Register(PyDevice device, NullRegistrationPoint place)
        {
            Hang(device, place);
        }

        public void Register(PyDevice device, NumberRegistrationPoint<int> place)
        {
            Hang(device, place);
        }

        public void Unregister(PyDevice device)
        {
            Machine.UnregisterAsAChildOf(this, device);
            devices.Remove(device);
        }

        IEnumerable<NullRegistrationPoint> IPeripheralContainer<PyDevice, NullRegistrationPoint>.GetRegistrationPoints(
            PyDevice device)
        {
            return PlacesOf<NullRegistrationPoint>(device);
        }

        IEnumerable<NumberRegistrationPoint<int>>
            IPeripheralContainer<PyDevice, NumberRegistrationPoint<int>>.GetRegistrationPoints(PyDevice device)
        {
            return PlacesOf<NumberRegistrationPoint<int>>(device);
        }

        IEnumerable<IRegistered<PyDevice, NullRegistrationPoint>>
            IPeripheralContainer<PyDevice, NullRegistrationPoint>.Children => ChildrenAt<NullRegistrationPoint>();

        IEnumerable<IRegistered<PyDevice, NumberRegistrationPoint<int>>>
            IPeripheralContainer<PyDevice, NumberRegistrationPoint<int>>.Children =>
                ChildrenAt<NumberRegistrationPoint<int>>();

        // What the engine sets: addresses of functions, which must be kept for as long as there is this machine.
        public void Connect(long read, long write, long input)
        {
            this.read = Marshal.GetDelegateForFunctionPointer<ReadFunction>(new IntPtr(read));
            this.write = Marshal.GetDelegateForFunctionPointer<WriteFunction>(new IntPtr(write));
            this.input = Marshal.GetDelegateForFunctionPointer<LevelFunction>(new IntPtr(input));
        }

        // The address of a function that drives a numbered output, or the interrupt where the number is negative.
        public long DriveFunction()
        {
            return Marshal.GetFunctionPointerForDelegate(drive).ToInt64();
        }

        public Host CreateHost(ICPU cpu)
        {
            return new Host(Machine, (BaseCPU)cpu);
        }

        public Action ResetModel;

        public string Model { get; }

        public long Size { get; }

        public GPIO IRQ { get; }

        public IReadOnlyDictionary<int, IGPIO> Connections { get; }

        // An exception that crosses into Renode's threads ends the process.
        protected void Guarded(Action action)
        {
            try
            {
                action();
            }
            catch(Exception error)
            {
                this.Log(LogLevel.Error, "{0} failed: {1}", Model, error.Message);
            }
        }

        protected readonly IMachine Machine;

        private void Hang(PyDevice device, IRegistrationPoint place)
        {
            Machine.RegisterAsAChildOf(this, device, place);
            devices.Add(device, place);
        }

        private IEnumerable<T> PlacesOf<T>(PyDevice device) where T : IRegistrationPoint
        {
            return devices.TryGetValue(device, out var place) ? new [] { place }.OfType<T>() : Enumerable.Empty<T>();
        }

        private IEnumerable<IRegistered<PyDevice, T>> ChildrenAt<T>() where T : IRegistrationPoint
        {
            return devices.Where(one => one.Value is T).Select(one => Registered.Create(one.Key, (T)one.Value)).ToArray();
        }

        private void Drive(int number, int level)
        {
            Guarded(() => (number < 0 ? IRQ : Connections[number]).Set(level != 0));
        }

        private uint Access(long offset, int width)
        {
            if(read == null)
            {
                WarnOnce();
                return 0;
            }
            try
            {
                Host.Accesses++;
                ThreadStates.Keep();
                return read(offset, width);
            }
            catch(Exception error)
            {
                this.Log(LogLevel.Error, "{0} failed at a read of {1:X}: {2}", Model, offset, error.Message);
                return 0;
            }
            finally
            {
                Host.Accesses--;
            }
        }

        private void Access(long offset, uint value, int width)
        {
            if(write == null)
            {
                WarnOnce();
                return;
            }
            try
            {
                Host.Accesses++;
                ThreadStates.Keep();
                write(offset, value, width);
            }
            catch(Exception error)
            {
                this.Log(LogLevel.Error, "{0} failed at a write of {1:X}: {2}", Model, offset, error.Message);
            }
            finally
            {
                Host.Accesses--;
            }
        }

        private void WarnOnce()
        {
            if(!warned)
            {
                warned = true;
                this.Log(LogLevel.Warning, Host.Known
                    ? "{0} has no model: only the machine that `bk7238` made has them. Leave, and start it again. Reads are zero."
                    : "{0} needs Python: start Renode with `bk7238 monitor`. Reads are zero.", Model);
            }
        }

        private bool warned;
        private readonly Dictionary<PyDevice, IRegistrationPoint> devices = new Dictionary<PyDevice, IRegistrationPoint>();
        private ReadFunction read;
        private WriteFunction write;
        private LevelFunction input;
        private readonly LevelFunction drive;
    }

    // What hangs on a block outside of the chip. Its behaviour is Python's alone: the engine makes it of its own copy of
    // the description, and the block's model speaks with it.
    public class PyDevice : IPeripheral
    {
        public PyDevice(string model, string args = "")
        {
            Model = model;
        }

        public void Reset()
        {
        }

        public string Model { get; }
    }

    // Puts register names into what LogPeripheralAccess says. Renode looks for them in the type of a block, and all blocks
    // are of one here. Loggers that are added after this one see the names.
    public class RegisterNames : LoggerBackend
    {
        // A line for each register: its offset in bytes, a space, its name.
        public static void Know(string block, string registers)
        {
            var names = new Dictionary<long, string>();
            foreach(var line in registers.Split(new [] { '\n' }, StringSplitOptions.RemoveEmptyEntries))
            {
                var parts = line.Split(' ');
                names[long.Parse(parts[0])] = parts[1];
            }
            known[block] = names;
        }

        public override void Log(LogEntry entry)
        {
            if(!entry.Message.Contains(Unknown) || !known.TryGetValue(entry.ObjectName, out var names))
            {
                return;
            }
            message.SetValue(entry, Access.Replace(entry.Message, match =>
            {
                var offset = Convert.ToInt64(match.Groups[1].Value, 16);
                if(!names.TryGetValue(offset & ~3, out var name))
                {
                    return match.Value;
                }
                return $"0x{offset:X} ({name}{((offset & 3) == 0 ? "" : $"+0x{offset & 3:X}")})";
            }));
        }

        private const string Unknown = "(unknown)";
        private static readonly Regex Access = new Regex(@"0x([0-9A-F]+) \(unknown\)");
        private static readonly PropertyInfo message = typeof(LogEntry).GetProperty("Message");
        private static readonly ConcurrentDictionary<string, Dictionary<long, string>> known =
            new ConcurrentDictionary<string, Dictionary<long, string>>();
    }

    // A block with a serial port: what the firmware sends goes to Renode's terminals, what they send to the model.
    public class PyUart : PyPeripheral, IUART
    {
        public PyUart(IMachine machine, string model, long size, int lines = 0, string args = "")
            : base(machine, model, size, lines, args)
        {
        }

        public void WriteChar(byte value)
        {
            Guarded(() => Receive?.Invoke(value));
        }

        public void Send(byte value)
        {
            CharReceived?.Invoke(value);
        }

        public Action<byte> Receive;

        public uint BaudRate => 115200;

        public Bits StopBits => Bits.One;

        public Parity ParityBit => Parity.None;

        public event Action<byte> CharReceived;
    }

    // A block with a network: Ethernet frames as the access point bridges them, for a switch, a TAP or Wireshark.
    public class PyNetif : PyPeripheral, IMACInterface
    {
        public PyNetif(IMachine machine, string model, long size, int lines = 0, string args = "")
            : base(machine, model, size, lines, args)
        {
            MAC = EmulationManager.Instance.CurrentEmulation.MACRepository.GenerateUniqueMAC();
        }

        public void ReceiveFrame(EthernetFrame frame)
        {
            var bytes = frame.Bytes;
            Guarded(() => Receive?.Invoke(bytes));
        }

        public void Send(byte[] bytes)
        {
            if(EthernetFrame.TryCreateEthernetFrame(bytes, false, out var frame))
            {
                FrameReady?.Invoke(frame);
            }
        }

        public Action<byte[]> Receive;

        public MACAddress MAC { get; set; }

        public event Action<EthernetFrame> FrameReady;
    }

    // One machine as the engine drives it. Times are virtual nanoseconds since the machine was made.
    public class Host
    {
        public Host(IMachine machine, BaseCPU cpu)
        {
            this.machine = machine;
            this.cpu = cpu;
            now = Now;
            arm = Arm;
            timer = new LimitTimer(machine.ClockSource, 1000000000, null, "events", long.MaxValue, Direction.Ascending,
                false, WorkMode.OneShot, true, true);
            timer.LimitReached += Ring;
            cpu.Halted += arguments => Halted?.Invoke(arguments.Reason.ToString());
            Emulation.MasterTimeSource.AdvanceImmediately = true;
            ((TimeSourceBase)machine.LocalTimeSource).AdvanceImmediately = true;
            Known = true;
            FreshCpu();
        }

        // From now on the CPU's stores below `end`, into the flash window, are those of the block that is returned, at
        // the offset of their address.
        public PyPeripheral ProtectBelow(ulong end)
        {
            var mmu = (ICPUWithExternalMmu)cpu;
            mmu.EnableExternalWindowMmu(true);
            Window(mmu, 0, end, ExternalMmuBase.Privilege.Read | ExternalMmuBase.Privilege.Execute, 0);
            Window(mmu, 0, end, ExternalMmuBase.Privilege.Write, Stores);
            Window(mmu, end, 1UL << 32, ExternalMmuBase.Privilege.All, 0);
            var stores = new PyPeripheral(machine, "stores into the flash window", (long)end);
            machine.SystemBus.Register(stores, new BusRangeRegistration(Stores, end));
            return stores;
        }

        // The addresses of functions: what is called when the time has come that `Arm` was given, and the two that keep
        // and drop a thread's state.
        public void Connect(long alarm, long enter, long leave)
        {
            ThreadStates.Connect(enter, leave);
            this.alarm = Marshal.GetDelegateForFunctionPointer<EventFunction>(new IntPtr(alarm));
        }

        public long NowFunction()
        {
            return Marshal.GetFunctionPointerForDelegate(now).ToInt64();
        }

        public long ArmFunction()
        {
            return Marshal.GetFunctionPointerForDelegate(arm).ToInt64();
        }

        // The time, to the instruction where this is called from one.
        public ulong Now()
        {
            if(cpu.OnPossessedThread)
            {
                cpu.SyncTime();
            }
            return machine.ElapsedVirtualTime.TimeElapsed.Ticks;
        }

        // Call the alarm once, this many nanoseconds (one or more) from now. Replaces the alarm before.
        public void Arm(ulong nanoseconds)
        {
            timer.Enabled = false;
            timer.Limit = nanoseconds;
            timer.Enabled = true;
        }

        // `registers` as in RegisterNames.
        public void NameRegisters(string block, string registers)
        {
            RegisterNames.Know(block, registers);
        }

        public void NameRegistersInLog()
        {
            Logger.AddBackend(new RegisterNames(), "register names", true);
        }

        // Renode's own server listens on all addresses of the host. This one is given a socket of the loopback address
        // before it begins, for which it has no parameter. As there, the guest starts when a debugger comes.
        public void StartGdbServer(int port)
        {
            var server = new SocketServerProvider(false, serverName: "GDB");
            var socket = SocketsManager.Instance.AcquireSocket(null, AddressFamily.InterNetwork, SocketType.Stream,
                ProtocolType.Tcp, new IPEndPoint(IPAddress.Loopback, port), "GDB", 1);
            typeof(SocketServerProvider).GetField("server", Hidden).SetValue(server, socket);
            var welcome = false;
            server.ConnectionAccepted += stream => welcome = IsDebugger(server);
            machine.StartGdbServer(server); // and takes it for one that a debugger is at
            typeof(GdbStub).GetMethod("OnConnectionClosed", Hidden).Invoke(((Machine)machine).GdbStubs[port], null);
            server.ConnectionAccepted += stream =>
            {
                if(welcome && !IsStarted())
                {
                    Start();
                }
            };
            var listen = typeof(SocketServerProvider).GetMethod("ListenerThreadBody", Hidden);
            new Thread(() => listen.Invoke(server, null)) { IsBackground = true, Name = "GDB" }.Start();
        }

        public void Start()
        {
            Emulation.StartAll();
        }

        public bool IsStarted()
        {
            return Emulation.IsStarted;
        }

        // For callbacks: stop at this instruction where one is executing an access, else at the end of its block.
        public void RequestPause()
        {
            machine.PauseAndRequestEmulationPause(Accesses > 0 && cpu.OnPossessedThread);
        }

        // Waits until a requested pause has come everywhere; false where it has not within this time.
        public bool Settle(int milliseconds)
        {
            for(var i = 0; i < milliseconds; i++)
            {
                if(!Emulation.IsStarted)
                {
                    return true;
                }
                Thread.Sleep(1);
            }
            return false;
        }

        // For the thread that called Start. Waits until everything stands.
        public void Pause()
        {
            Emulation.PauseAll();
        }

        public void ReadBytes(ulong address, long target, int count)
        {
            var bytes = machine.SystemBus.ReadBytes(address, count);
            Marshal.Copy(bytes, 0, new IntPtr(target), count);
        }

        public void WriteBytes(ulong address, long source, int count)
        {
            var bytes = new byte[count];
            Marshal.Copy(new IntPtr(source), bytes, 0, count);
            machine.SystemBus.WriteBytes(bytes, address);
        }

        // A reset of the CPU alone: memories and blocks are the engine's matter.
        public void ResetCpu()
        {
            executed += cpu.ExecutedInstructions;
            cpu.Reset();
            FreshCpu();
            cpu.Resume();
        }

        public ulong ExecutedInstructions()
        {
            return executed + cpu.ExecutedInstructions;
        }

        public uint ProgramCounter()
        {
            return (uint)cpu.PC.RawValue;
        }

        public uint Register(int number)
        {
            return (uint)((ICPUWithRegisters)cpu).GetRegister(number).RawValue;
        }

        public Action<string> Halted;

        // Whether Python has made a machine in this Renode.
        internal static bool Known;

        // How many accesses of the CPU are being answered: one, or none.
        internal static int Accesses;

        // Any web page can make a browser send a packet in the body of a request, or in what TLS sends first. So a
        // connection that begins otherwise than a debugger's does is closed, before anything of it is read.
        private static bool IsDebugger(SocketServerProvider server)
        {
            var client = (Socket)typeof(SocketServerProvider).GetField("socket", Hidden).GetValue(server);
            var first = new byte[1];
            try
            {
                if(client.Receive(first, SocketFlags.Peek) == 1 && Beginnings.Contains(first[0]))
                {
                    return true;
                }
                client.Close();
            }
            catch(Exception error) when(error is SocketException || error is ObjectDisposedException)
            {
                // it has gone
            }
            return false;
        }

        private void Ring()
        {
            ThreadStates.Keep();
            alarm?.Invoke();
        }

        // Renode's reset leaves a flag set that is zero on the chip, and a mask that an ARMv5 does not have.
        private void FreshCpu()
        {
            cpu.PC = 0;
            ((ICPUWithRegisters)cpu).SetRegister(StatusRegister, ResetStatus);
        }

        private void Window(ICPUWithExternalMmu mmu, ulong start, ulong end, ExternalMmuBase.Privilege kind, ulong shift)
        {
            var window = mmu.AcquireExternalMmuWindow(kind);
            mmu.SetMmuWindowStart(window, start);
            mmu.SetMmuWindowEnd(window, end);
            mmu.SetMmuWindowAddend(window, shift);
            mmu.SetMmuWindowPrivileges(window, kind);
        }

        private static Emulation Emulation => EmulationManager.Instance.CurrentEmulation;

        private ulong executed;

        private const int StatusRegister = 25;
        private const uint ResetStatus = 0xD3;
        private const ulong Stores = 0xF0000000; // where nothing else is
        private const BindingFlags Hidden = BindingFlags.Instance | BindingFlags.NonPublic;
        private static readonly byte[] Beginnings = { (byte)'+', (byte)'-', (byte)'$', 3 }; // of what a debugger sends

        private readonly IMachine machine;
        private readonly BaseCPU cpu;
        private readonly LimitTimer timer;
        private readonly TimeFunction now;
        private readonly ArmFunction arm;
        private EventFunction alarm;
    }
}
