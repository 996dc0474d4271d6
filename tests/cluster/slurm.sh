#!/bin/sh
# A Slurm of one node on 127.0.0.1, for tests: Debian's slurm-wlm and munge, its files in a folder of its own.
# As root, and where no other Slurm is: jobs of Snakemake look for it at /etc/slurm/slurm.conf alone, which SLURM_CONF is
# unless it is set. `down` leaves a Slurm alone whose files are in another folder.
#   tests/cluster/slurm.sh up FOLDER
#   tests/cluster/slurm.sh down FOLDER
set -eu
action=$1 folder=$(realpath -m "$2") conf=${SLURM_CONF:-/etc/slurm/slurm.conf}

mine() { grep -qsxF "StateSaveLocation=$folder/state" "$conf"; }

running() { [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }

# A daemon that was told to end and has not after ten seconds is killed.
end() {
    running "$1" || return 0
    pid=$(cat "$1")
    kill "$pid"
    for _ in $(seq 100); do running "$1" || return 0; sleep .1; done
    kill -9 "$pid"
}

case $action in
up)
    [ ! -e "$conf" ] || { echo "there is a $conf already" >&2; exit 1; }
    mkdir -p "$(dirname "$conf")" "$folder/state" "$folder/spool"
    chmod 755 "$folder"
    head -c 1024 /dev/urandom > "$folder/munge.key"
    chmod 400 "$folder/munge.key"
    munged --force --key-file "$folder/munge.key" --socket "$folder/munge.socket" --pid-file "$folder/munged.pid" \
        --log-file "$folder/munged.log" --seed-file "$folder/munge.seed"
    cat > "$conf" <<EOF
ClusterName=tests
SlurmctldHost=$(hostname)(127.0.0.1)
SlurmctldPort=${SLURM_TEST_PORT:-16817}
SlurmdPort=$((${SLURM_TEST_PORT:-16817} + 1))
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=sched_interval=5
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/jobs.log
KillWait=5
MinJobAge=3600
ReturnToService=2
MpiDefault=none
NodeName=node NodeHostname=$(hostname) NodeAddr=127.0.0.1 CPUs=2 RealMemory=12000 State=UNKNOWN
PartitionName=tests Nodes=ALL Default=YES MaxTime=UNLIMITED State=UP
EOF
    slurmctld
    slurmd -N node
    for _ in $(seq 100); do
        sinfo --noheader --format %t 2>/dev/null | grep -qx idle && exit
        sleep .3
    done
    echo "the node does not come up: see the logs in $folder" >&2
    exit 1
    ;;
down)
    ! mine || scancel --user root 2>/dev/null || true
    for daemon in slurmd slurmctld munged; do end "$folder/$daemon.pid"; done
    ! mine || rm "$conf"
    ;;
*)
    echo "usage: $0 up|down FOLDER" >&2
    exit 2
    ;;
esac
