// A machine with all that the collectors of the host know, also what the machine of the tests has not: RAID, a bond, sensors,
// ECC memory, NVMe, a battery. Files as kernels write them, numbers chosen for the tests.
import { makeTree, type Tree } from "./tree.ts";

const PROC: Readonly<Record<string, string>> = {
  "proc/loadavg": "0.21 0.37 0.39 1/719 19737\n",
  "proc/stat":
    "cpu  20 2 3 400 5 1 1 0 0 0\ncpu0 1000 200 300 40000 500 10 20 30 40 50\ncpu1 1 2 3 4 5 6 7 8\n" +
    "intr 8885917 17 0 0\nctxt 38014093\nbtime 1418183276\nprocesses 26442\nprocs_running 2\nprocs_blocked 1\n",
  "proc/meminfo": "MemTotal:        3742148 kB\nActive(anon):    2068484 kB\nHugePages_Total:       3\n",
  "proc/vmstat": "nr_free_pages 977769\npgpgin 7344136\noom_kill 2\nthp_fault_alloc 9\n",
  "proc/sys/fs/file-nr": "1024\t0\t1631329\n",
  "proc/sys/kernel/random/entropy_avail": "1337\n",
  "proc/sys/kernel/random/poolsize": "4096\n",
  "proc/sys/kernel/ostype": "Linux\n",
  "proc/sys/kernel/osrelease": "6.1.0-9-amd64\n",
  "proc/sys/kernel/version": "#1 SMP\n",
  "proc/sys/kernel/hostname": "shop1\n",
  "proc/sys/kernel/domainname": "(none)\n",
  "proc/sys/kernel/pid_max": "123\n",
  "proc/sys/kernel/threads-max": "7801\n",
  "proc/sys/kernel/hung_task_detect_count": "42\n",
  "proc/sys/net/netfilter/nf_conntrack_count": "123\n",
  "proc/sys/net/netfilter/nf_conntrack_max": "65536\n",
  "proc/net/stat/nf_conntrack":
    "entries  found invalid insert_failed\n00000010  00000001 0000000a 00000000\n00000010  00000002 0000000b 00000001\n",
  "proc/pressure/cpu":
    "some avg10=0.00 avg60=0.00 avg300=0.00 total=14036781\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
  "proc/pressure/io":
    "some avg10=0.1 avg60=0 avg300=0 total=159886802\nfull avg10=0 avg60=0 avg300=0 total=159229614\n",
  "proc/pressure/memory": "some avg10=0.1 avg60=0 avg300=0 total=5\nfull avg10=0 avg60=0 avg300=0 total=4\n",
  "proc/pressure/irq": "full avg10=0.00 avg60=0.00 avg300=0.00 total=8494\n",
  "proc/schedstat":
    "version 15\ntimestamp 15819019232\ncpu0 498494191 0 3533438552 2553969831 3853684107 2465731542 2045936778163039 343796328169361 4767485306\ndomain0 00000000,00000003 212499247\n",
  "proc/cgroups": "#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t0\t234\t1\nrdma\t0\t1\t0\n",
  "proc/interrupts":
    "           CPU0       CPU1\n  0:         18          3   IO-APIC    2-edge      timer\nNMI:         47       5031   Non-maskable interrupts\nERR:          0\n",
  "proc/net/dev":
    "Inter-|   Receive    |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed\n" +
    "  eth0:68210035552 520993275 1 2 3 4 5 6 9315587528 43451486 7 8 9 10 11 12\n    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\nip6:tnl: 7 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
  "proc/net/arp":
    "IP address       HW type     Flags       HW address            Mask     Device\n192.0.2.1        0x1         0x2         cc:aa:dd:ee:aa:bb     *        eth0\n192.0.2.2        0x1         0x2         bb:cc:dd:ee:ff:aa     *        eth0\n192.0.2.3        0x1         0x2         bb:cc:dd:ee:ff:ab     *        eth1\n",
  "proc/net/netstat":
    "TcpExt: SyncookiesSent ListenDrops TCPOFOQueue Unwanted\nTcpExt: 1 2 42 9\nIpExt: InOctets OutOctets\nIpExt: 6286396970 2786264347\n",
  "proc/net/snmp":
    "Tcp: MaxConn ActiveOpens RetransSegs InErrs\nTcp: -1 3556 227 5\nUdp: InDatagrams InErrors\nUdp: 88542 120\n",
  "proc/net/snmp6":
    "Ip6InOctets                     \t460\nUdp6InErrors                    \t3\nIcmp6InMsgs                     \t8\n",
  "proc/net/sockstat":
    "sockets: used 229\nTCP: inuse 4 orphan 0 tw 4 alloc 17 mem 1\nUDP: inuse 0 mem 2\nUDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n",
  "proc/net/sockstat6": "TCP6: inuse 17\nUDP6: inuse 9\n",
  "proc/net/softnet_stat":
    "00049279 00000000 00000001 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000\n" +
    "000dfb82 00000029 0000000a 00000000 00000000 00000000 00000000 00000000 00000001 00000002 00000003 00000004 00000003\n",
  "proc/net/udp":
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: 0A000005:0016 00000000:0000 0A 00000015:00000001 00:00000000 00000000     0        0 2740 1\n",
  "proc/net/tcp":
    "  sl  local_address rem_address   st tx_queue rx_queue tr\n   0: 0100007F:0016 00000000:0000 0A 00000015:00000001 00:00000000\n   1: 0100007F:0016 0200007F:C002 01 00000015:00000001 02:000AC99B\n",
  "proc/diskstats":
    " 259       0 nvme0n1 47114 4 4643973 21650 1078320 43950 39451633 1011053 0 222766 1032546\n   8       0 sda 25353629 34367663 1003337964 18492232 28444756 11134226 505697032 63877960 12 9653880 82621804 85 58 13 1 104 105\n   8       1 sda1 250 0 2000 36 0 0 0 0 0 36 36\n",
  "proc/1/mounts":
    "/dev/sda3 / ext4 rw,relatime 0 0\n/dev/sda3 / ext4 rw,relatime 0 0\nproc /proc proc rw 0 0\n/dev/sdb1 /with\\040blank xfs ro,relatime 0 0\n/dev/gone /not/there ext4 rw 0 0\ntmpfs /run/lock tmpfs rw 0 0\n",
  "proc/1/stat": "1 (systemd) S 0 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 3 0 4 1 1 1\n",
  "proc/77/stat": "77 (odd ) name) D 1 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 2 0 4 1 1 1\n",
  "proc/mdstat":
    "Personalities : [raid1] [raid6] [raid0]\n" +
    "md6 : active raid1 sdb2[2](F) sdc[1](S) sda2[0]\n      195310144 blocks [2/1] [U_]\n      [=>...................]  recovery =  8.5% (16775552/195310144) finish=17.0min speed=259783K/sec\n\n" +
    "md0 : active raid1 sdb1[1] sda1[0]\n      248896 blocks [2/2] [UU]\n\n" +
    "md201 : active raid1 sda3[0] sdb3[1]\n      1993728 blocks super 1.2 [2/2] [UU]\n        resync=DELAYED\n\n" +
    "md4 : inactive raid1 sda3[0](F) sdb3[1](S)\n      4883648 blocks [2/2] [UU]\n\n" +
    "md9 : active raid0 sdc2[0] sdd2[1]\n      523968 blocks 64k chunks\n\nunused devices: <none>\n",
};

const CPU = "sys/devices/system/cpu";
const HWMON = "sys/devices/platform/coretemp.0/hwmon/hwmon0";
const FAN = "sys/devices/platform/applesmc.768/hwmon/hwmon2";
const NET = "sys/class/net";
const EDAC = "sys/devices/system/edac/mc/mc0";
const SYS: Readonly<Record<string, string>> = {
  [`${CPU}/cpu0/thermal_throttle/core_throttle_count`]: "5\n",
  [`${CPU}/cpu0/thermal_throttle/package_throttle_count`]: "30\n",
  [`${CPU}/cpu0/topology/core_id`]: "0\n",
  [`${CPU}/cpu0/topology/physical_package_id`]: "0\n",
  [`${CPU}/cpu1/thermal_throttle/core_throttle_count`]: "5\n",
  [`${CPU}/cpu1/thermal_throttle/package_throttle_count`]: "30\n",
  [`${CPU}/cpu1/topology/core_id`]: "0\n",
  [`${CPU}/cpu1/topology/physical_package_id`]: "0\n",
  [`${CPU}/cpu0/cpufreq/scaling_cur_freq`]: "1699981\n",
  [`${CPU}/cpu0/cpufreq/scaling_min_freq`]: "800000\n",
  [`${CPU}/cpu0/cpufreq/scaling_max_freq`]: "3700000\n",
  [`${CPU}/cpu0/cpufreq/scaling_governor`]: "powersave\n",
  [`${CPU}/cpu0/cpufreq/scaling_available_governors`]: "performance powersave\n",
  "sys/devices/system/clocksource/clocksource0/available_clocksource": "tsc hpet \n",
  "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
  [`${HWMON}/name`]: "coretemp\n",
  [`${HWMON}/temp1_input`]: "55000\n",
  [`${HWMON}/temp1_label`]: "Physical id 0\n",
  [`${HWMON}/temp1_crit`]: "100000\n",
  [`${HWMON}/temp1_crit_alarm`]: "0\n",
  [`${HWMON}/temp1_crit_hyst`]: "95000\n",
  [`${HWMON}/temp1_alarm`]: "1\n",
  [`${HWMON}/temp1_max`]: "84000\n",
  [`${HWMON}/power1_average`]: "15000000\n",
  [`${HWMON}/energy1_input`]: "2500000\n",
  [`${HWMON}/in0_input`]: "792\n",
  [`${HWMON}/temp2_input`]: "N/A\n",
  [`${FAN}/fan1_input`]: "1998\n",
  [`${FAN}/fan1_min`]: "2000\n",
  [`${FAN}/fan1_manual`]: "0\n",
  "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
  "sys/class/thermal/thermal_zone0/temp": "12376\n",
  "sys/class/thermal/cooling_device0/type": "Processor\n",
  "sys/class/thermal/cooling_device0/cur_state": "0\n",
  "sys/class/thermal/cooling_device0/max_state": "3\n",
  "sys/class/power_supply/AC/online": "0\n",
  "sys/class/power_supply/AC/type": "Mains\n",
  "sys/class/power_supply/BAT0/type": "Battery\n",
  "sys/class/power_supply/BAT0/capacity": "81\n",
  "sys/class/power_supply/BAT0/energy_now": "36580000\n",
  "sys/class/nvme/nvme0/firmware_rev": "1B2QEXP7\n",
  "sys/class/nvme/nvme0/model": "Samsung SSD 970 PRO 512GB               \n",
  "sys/class/nvme/nvme0/serial": "S680HF8N190894I     \n",
  "sys/class/nvme/nvme0/state": "live\n",
  "sys/class/nvme/nvme0/cntlid": "1997\n",
  [`${EDAC}/ce_count`]: "1\n",
  [`${EDAC}/ce_noinfo_count`]: "2\n",
  [`${EDAC}/ue_count`]: "5\n",
  [`${EDAC}/ue_noinfo_count`]: "6\n",
  [`${EDAC}/csrow0/ce_count`]: "3\n",
  [`${EDAC}/csrow0/ue_count`]: "4\n",
  [`${NET}/bonding_masters`]: "dmz int\n",
  [`${NET}/dmz/bonding/slaves`]: "eth0 eth4\n",
  [`${NET}/dmz/lower_eth0/bonding_slave/mii_status`]: "up\n",
  [`${NET}/dmz/slave_eth4/bonding_slave/mii_status`]: "down\n",
  [`${NET}/int/bonding/slaves`]: "\n",
  [`${NET}/eth0/operstate`]: "up\n",
  [`${NET}/eth0/carrier`]: "1\n",
  [`${NET}/eth0/carrier_changes`]: "2\n",
  [`${NET}/eth0/flags`]: "0x1303\n",
  [`${NET}/eth0/mtu`]: "1500\n",
  [`${NET}/eth0/speed`]: "1000\n",
  [`${NET}/eth0/duplex`]: "full\n",
  [`${NET}/eth0/address`]: "01:01:01:01:01:01\n",
  [`${NET}/eth0/broadcast`]: "ff:ff:ff:ff:ff:ff\n",
  [`${NET}/eth0/ifalias`]: "\n",
  [`${NET}/eth0/statistics/rx_nohandler`]: "21\n",
  "sys/fs/selinux/enforce": "1",
  "run/udev/b8:0":
    "S:disk/by-id/x\nE:ID_MODEL=ST3000\nE:ID_SERIAL_SHORT=Z1F0\nE:ID_WWN=0x5000\nE:ID_PATH=pci-0000\nE:ID_REVISION=CC43\nE:ID_ATA=1\nE:ID_ATA_ROTATION_RATE_RPM=7200\nE:ID_FS_TYPE=ext4\nE:ID_FS_USAGE=filesystem\n",
  "etc/os-release":
    'NAME="Ubuntu"\nVERSION_ID="20.04"\nID=ubuntu\nID_LIKE=debian\nPRETTY_NAME="Ubuntu 20.04.2 \\"LTS\\""\nSUPPORT_END=2030-01-01\n# a remark\n',
  "with blank/x": "",
};

/** Paths below the tree: proc, sys, run/udev; the tree itself is the root. */
export function makeHostTree(): Tree {
  const tree = makeTree({ ...PROC, ...SYS });
  tree.link("sys/class/hwmon/hwmon0", "../../devices/platform/coretemp.0/hwmon/hwmon0");
  tree.link("sys/class/hwmon/hwmon2", "../../devices/platform/applesmc.768/hwmon/hwmon2");
  tree.link(`${HWMON}/device`, "../..");
  tree.link(`${FAN}/device`, "../..");
  return tree;
}
